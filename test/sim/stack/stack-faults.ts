import type { Dice } from '../seeded.ts';
import type { StackWorld } from './stack-world.ts';

/** Stalls, partitions, sleeps and deaths of a whole stack, between the boot and the end of the faults. */
export function planStackFaults(world: StackWorld, bootUs: number, dice: Dice): void {
  const { knobs } = world;
  const sometime = (): number => bootUs + dice.below(Math.max(1, knobs.faultsUs));
  for (let n = 0; n < knobs.stalls; n += 1) {
    const host = dice.pick(world.hosts);
    const forUs = 1 + dice.below(knobs.stallMaxUs);
    const who = dice.below(3);
    world.fault(sometime(), () => {
      const process = [host.irmd, host.ipcp.process, host.programs.at(-1)!.process][who]!;
      world.note(() => `-- ${process.name} stalls for ${forUs} us`);
      process.stall(world.nowUs, forUs);
    });
  }
  for (let n = 0; n < knobs.blackouts; n += 1) planPartition(world, dice, sometime());
  for (let n = 0; n < knobs.deaths; n += 1) planDeath(world, dice, sometime());
}

/** A path, a host, or every path at its own time and back in another order (swizzle). */
function planPartition(world: StackWorld, dice: Dice, atUs: number): void {
  const { blackoutMaxUs } = world.knobs;
  const kind = dice.below(3);
  const paths = kind === 0 ? [dice.pick(world.paths)] : world.paths;
  for (const path of paths) {
    const startUs = kind === 2 ? atUs + dice.below(SWIZZLE_US) : atUs;
    const untilUs = startUs + 1 + dice.below(blackoutMaxUs);
    world.fault(startUs, () => (path.isDown = true));
    world.fault(untilUs, () => (path.isDown = false));
  }
}

const SWIZZLE_US = 2_000_000;

/** A program dies, and another starts in its place. */
function planDeath(world: StackWorld, dice: Dice, atUs: number): void {
  const host = dice.pick(world.hosts);
  const againUs = 1 + dice.below(5_000_000);
  world.fault(atUs, () => {
    const program = host.programs.at(-1)!;
    if (!program.process.isAlive) return;
    world.note(() => `-- ${program.process.name} dies`);
    program.process.die();
    host.died(program.id);
    world.fault(world.nowUs + againUs, () => host.startProgram());
  });
}
