import type { FrcpWorld } from './frcp-world.ts';
import type { Dice } from './seeded.ts';

/** Puts the faults that have a time of their own into the world's queue. */
export function planFaults(world: FrcpWorld, dice: Dice): void {
  const { knobs } = world;
  const within = Math.max(1, Math.min(knobs.faultsUs, world.activeUs));
  const sometime = (): number => dice.below(within);
  for (let n = 0; n < knobs.blackouts; n += 1) planBlackout(world, dice, sometime());
  for (let n = 0; n < knobs.stalls; n += 1) {
    const end = dice.pick(world.ends);
    const forUs = 1 + dice.below(knobs.stallMaxUs);
    world.fault(sometime(), () => end.process.stall(world.nowUs, forUs));
  }
  for (let n = 0; n < knobs.suspends; n += 1) {
    const end = dice.pick(world.ends);
    const forUs = 1 + dice.below(knobs.suspendMaxUs);
    const stopsClock = knobs.suspendStopsClock === 1;
    world.fault(sometime(), () => end.process.suspend(world.nowUs, forUs, stopsClock));
  }
  for (let n = 0; n < knobs.pauses; n += 1) planPause(world, dice, sometime());
  for (let n = 0; n < knobs.moves; n += 1) planMove(world, dice, sometime());
  if (knobs.crash !== 0) {
    const end = world.ends[knobs.crash - 1]!;
    world.fault(sometime(), () => world.crash(end));
  }
}

function planBlackout(world: FrcpWorld, dice: Dice, atUs: number): void {
  const { blackoutMaxUs, blackoutOneWay } = world.knobs;
  const paths = blackoutOneWay === 0 ? world.paths : [world.paths[blackoutOneWay - 1]!];
  const untilUs = atUs + 1 + dice.below(blackoutMaxUs);
  world.fault(atUs, () => paths.forEach((path) => (path.isDown = true)));
  world.fault(untilUs, () => paths.forEach((path) => (path.isDown = false)));
}

function planPause(world: FrcpWorld, dice: Dice, atUs: number): void {
  const end = dice.pick(world.ends);
  const untilUs = atUs + 1 + dice.below(world.knobs.pauseMaxUs);
  world.fault(atUs, () => {
    end.reading = false;
    end.everPaused = true;
  });
  world.fault(untilUs, () => world.resumeReading(end));
}

/**
 * Both ends move to another lower flow, one a little after the other; what is on its way still arrives. Where delay and
 * MPL stay it is the old one, which carries PDUs of another size.
 */
function planMove(world: FrcpWorld, dice: Dice, atUs: number): void {
  const { mtuBytes, moveMtuBytes, mplUs, delayUs } = world.knobs;
  const lower = {
    mtuBytes: moveMtuBytes === 0 ? mtuBytes : dice.pick([mtuBytes, moveMtuBytes]),
    mplUs: dice.pick([mplUs, mplUs, Math.floor(mplUs / 2)]),
  };
  const newDelayUs = dice.pick([delayUs, delayUs * 4, 100]);
  const isSame = newDelayUs === delayUs && lower.mplUs === mplUs;
  const first = dice.below(2);
  const gapUs = dice.below(50_000);
  world.fault(atUs, () => {
    world.paths.forEach((path) => (path.delayUs = Math.min(newDelayUs, mplUs / 4)));
    world.move(world.ends[first]!, lower, isSame);
    world.fault(world.nowUs + gapUs, () => world.move(world.ends[1 - first]!, lower, isSame));
  });
}
