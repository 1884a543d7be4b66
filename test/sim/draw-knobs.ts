import { UNEVEN } from './expectations.ts';
import { CALM, ENDING, WORKLOAD, type Knobs } from './knobs.ts';
import type { Dice } from './seeded.ts';

const MS = 1_000;
const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Draws a swarm: every knob is off in many seeds, so that pure cases occur too. */
export type Draw = (dice: Dice) => Knobs;

const RATES_PPM = [0, 0, 500, -500, 20_000, -20_000];
/** Clocks start here: at zero, and where 32 bits of microseconds end. */
const EPOCHS_US = [0, 2 ** 31 - 20 * SECOND, 2 ** 32 - 20 * SECOND, 2 ** 40 - 1_000_003];
const SEQ_EDGES = [2 ** 32, 2 ** 31];
const FIRST_WINDOWS_BYTES = [4_096, 16_384, CALM.windowFirstBytes];

function some(dice: Dice, perMille: number, value: () => number, calm = 0): number {
  return dice.chance(perMille) ? value() : calm;
}

function drawPath(dice: Dice): Partial<Knobs> {
  return {
    lossPct: some(dice, 650, () => dice.pick([1, 5, 10, 20, 30, dice.below(51)])),
    lossBurst: some(dice, 250, () => dice.between(2, 20), 1),
    lossOneWay: some(dice, 200, () => dice.between(1, 2)),
    dupPct: some(dice, 400, () => dice.below(51)),
    dupCopies: some(dice, 100, () => dice.between(2, 20), 1),
    delayUs: dice.pick([0, 100, MS, MS, 20 * MS, 250 * MS]),
    jitterUs: some(dice, 500, () => dice.pick([500, 10 * MS, 200 * MS])),
    tailUs: some(dice, 200, () => dice.pick([MS, 50 * MS, 500 * MS])),
    inOrder: some(dice, 300, () => 1),
    stragglePct: some(dice, 150, () => dice.between(1, 10)),
    bandwidthKbps: some(dice, 150, () => dice.pick([1_000, 10_000, 100_000])),
    queuePdus: dice.pick([4, 20, 100]),
    blackouts: some(dice, 200, () => dice.between(1, 3)),
    blackoutMaxUs: dice.pick([100 * MS, 2 * SECOND, 6 * SECOND]),
    blackoutOneWay: dice.below(3),
    blackoutPassBytes: some(dice, 250, () => 128),
  };
}

function drawHosts(dice: Dice): Partial<Knobs> {
  return {
    ratePpmA: dice.pick(RATES_PPM),
    ratePpmB: dice.pick(RATES_PPM),
    epochUsA: dice.pick(EPOCHS_US),
    epochUsB: dice.pick(EPOCHS_US),
    timerLagUs: some(dice, 300, () => dice.pick([MS, 5 * MS])),
    turnUs: some(dice, 200, () => dice.pick([50, MS])),
    stalls: some(dice, 150, () => dice.between(1, 3)),
    stallMaxUs: dice.pick([10 * MS, SECOND, 6 * SECOND]),
  };
}

function drawFlow(dice: Dice): Partial<Knobs> {
  const near = (): number => (dice.pick(SEQ_EDGES) - dice.below(40)) % 2 ** 32;
  return {
    unreliable: some(dice, 150, () => 1),
    integrity: some(dice, 400, () => 1),
    mtuBytes: dice.pick([64, 256, 576, 1_400, 1_400, 9_000]),
    mplUs: dice.pick([SECOND, SECOND, 5 * SECOND, 100 * MS]),
    aUs: dice.pick([50 * MS, 50 * MS, 10 * MS]),
    windowPdus: dice.pick([4, 16, 64, 1_024]),
    windowBytes: dice.pick([4_096, 16_384, 262_144]),
    cubic: some(dice, 350, () => 1),
    timeless: some(dice, 350, () => 1),
    firstSeqA: some(dice, 500, near, -1),
    firstSeqB: some(dice, 500, near, -1),
  };
}

function drawPrograms(dice: Dice, mtuBytes: number, pdusMax: number): Partial<Knobs> {
  const messagesA = dice.between(1, 40);
  const messagesB = dice.chance(600) ? dice.between(1, 40) : 0;
  const perMessage = Math.max(1, Math.floor(pdusMax / (messagesA + messagesB)));
  const sizeMaxBytes = Math.min(
    dice.pick([8, 40, mtuBytes, 3 * mtuBytes, 20_000]),
    perMessage * (mtuBytes - 20),
  );
  return {
    workload: dice.pick([WORKLOAD.STREAM, WORKLOAD.STREAM, WORKLOAD.ECHO, WORKLOAD.ASK]),
    messagesA,
    messagesB,
    sizeMinBytes: dice.chance(300) ? 0 : 8,
    sizeMaxBytes: Math.max(8, sizeMaxBytes),
    sizeNearMtu: some(dice, 200, () => 1),
    burst: dice.pick([1, 5, 100]),
    thinkUs: dice.pick([0, 0, MS, 100 * MS, 3 * SECOND, 15 * SECOND]),
    pauses: some(dice, 200, () => dice.between(1, 2)),
    pauseMaxUs: dice.pick([100 * MS, 10 * SECOND, 40 * SECOND]),
    readGapUs: some(dice, 100, () => dice.pick([MS, 50 * MS])),
    ending: dice.pick([
      ENDING.A,
      ENDING.A,
      ENDING.B,
      ENDING.BOTH,
      ENDING.AT_ONCE,
      ENDING.A_EARLY,
      ENDING.ABORT,
      ENDING.IDLE,
    ]),
  };
}

/** On a lower flow that loses nothing there is no fault but time. */
function onReliableLower(dice: Dice, knobs: Knobs): Knobs {
  return {
    ...knobs,
    lowerReliable: 1,
    movable: dice.below(2),
    delayUs: dice.pick([10, MS, 50 * MS]),
    jitterUs: some(dice, 500, () => 20 * MS),
    inOrder: 1,
    ...{ lossPct: 0, dupPct: 0, tailUs: 0, stragglePct: 0, corruptPct: 0, bandwidthKbps: 0, blackouts: 0 },
    ...{ suspends: 0, mplFactor: 1, forges: 0, replays: 0, reflects: 0 },
  };
}

/** More is written than a window takes, the reader pauses, and what tells that it reads again may be lost. */
function withSlowReader(dice: Dice, knobs: Knobs): Knobs {
  return {
    ...knobs,
    ...{ unreliable: 0, workload: WORKLOAD.STREAM, windowBytes: 4_096, blackouts: 0, crash: 0 },
    thinkUs: dice.pick([300 * MS, SECOND]),
    burst: dice.pick([1, 3]),
    messagesA: dice.between(10, 40),
    messagesB: some(dice, 300, () => 10),
    lossPct: dice.pick([10, 30, 50]),
    windowPdus: dice.pick([4, 16]),
    pauses: dice.between(1, 4),
    pauseMaxUs: dice.pick([SECOND, 10 * SECOND]),
  };
}

/** Nothing goes wrong: then nothing may be done twice. */
function onEvenPath(dice: Dice, knobs: Knobs): Knobs {
  const calm = Object.fromEntries(UNEVEN.map((name) => [name, CALM[name]]));
  return { ...knobs, ...calm, ratePpmB: knobs.ratePpmA, delayUs: dice.pick([100, MS, 20 * MS]) };
}

function drawAdversary(dice: Dice): Partial<Knobs> {
  return {
    forges: some(dice, 150, () => dice.between(1, 20)),
    replays: some(dice, 150, () => dice.between(1, 20)),
    reflects: some(dice, 100, () => dice.between(1, 10)),
    crash: some(dice, 60, () => dice.between(1, 2)),
  };
}

/** Half lost on a slow path: in 30 s there are too few copies to promise anything. */
function withTimeToRecover(knobs: Knobs): Knobs {
  const slow = knobs.delayUs + knobs.jitterUs + knobs.tailUs > 100 * MS || knobs.lossBurst > 1;
  return knobs.lossPct > 30 || (slow && knobs.lossPct > 10) ? { ...knobs, rUs: 2 * MINUTE } : knobs;
}

function drawSleep(dice: Dice): Partial<Knobs> {
  return {
    suspends: some(dice, 60, () => 1),
    suspendMaxUs: dice.pick([SECOND, 20 * SECOND]),
    suspendStopsClock: dice.below(2),
  };
}

/** One fast pair: few messages, one minute of faults. */
export function drawSmall(dice: Dice): Knobs {
  return { ...drawPair(dice), windowFirstBytes: dice.pick(FIRST_WINDOWS_BYTES) };
}

function drawPair(dice: Dice): Knobs {
  const flow = drawFlow(dice);
  const knobs: Knobs = {
    ...CALM,
    ...drawPath(dice),
    ...drawHosts(dice),
    ...flow,
    ...drawPrograms(dice, flow.mtuBytes!, 400),
    ...drawAdversary(dice),
  };
  const corruptPct = knobs.integrity === 1 ? some(dice, 500, () => dice.between(1, 10)) : 0;
  const moves = some(dice, 120, () => dice.between(1, 3));
  const moveMtuBytes = some(dice, 600, () => dice.pick([64, 256, 576]));
  const rUs = dice.pick([30 * SECOND, 30 * SECOND, 30 * SECOND, 10 * SECOND, 2 * SECOND]);
  if (dice.chance(60)) return onEvenPath(dice, knobs);
  if (dice.chance(80)) return withTimeToRecover(withSlowReader(dice, knobs));
  return withTimeToRecover(
    dice.chance(130)
      ? onReliableLower(dice, knobs)
      : { ...knobs, corruptPct, moves, moveMtuBytes, movable: dice.below(2), rUs, ...drawSleep(dice) },
  );
}

/** All knobs of one pair at full width. */
export function drawFrcp(dice: Dice): Knobs {
  const small = drawPair(dice);
  if (small.lowerReliable === 1)
    return { ...small, ...drawPrograms(dice, small.mtuBytes, 4_000), ...longStalls(dice) };
  return withTimeToRecover({
    ...small,
    ...drawPrograms(dice, small.mtuBytes, 4_000),
    rUs: dice.pick([30 * SECOND, 30 * SECOND, 120 * SECOND]),
    dupCopies: some(dice, 150, () => dice.between(2, 100), 1),
    blackoutMaxUs: dice.pick([SECOND, 6 * SECOND, 40 * SECOND, 120 * SECOND]),
    stallMaxUs: dice.pick([SECOND, 10 * SECOND, MINUTE]),
    suspends: some(dice, 120, () => dice.between(1, 2)),
    suspendMaxUs: dice.pick([10 * SECOND, 10 * MINUTE, 2 * HOUR]),
    suspendStopsClock: dice.below(2),
    mplFactor: some(dice, 30, () => dice.between(2, 200), 1),
    bandwidthKbps: some(dice, 200, () => dice.pick([256, 1_000, 10_000, 1_000_000])),
    windowPdus: dice.pick([4, 16, 64, 1_024, 4_096]),
    windowBytes: dice.pick([4_096, 16_384, 262_144, 1_048_576]),
    thinkUs: dice.pick([0, MS, 100 * MS, 40 * SECOND, 5 * MINUTE]),
    pauseMaxUs: dice.pick([SECOND, MINUTE, 10 * MINUTE]),
    moveMtuBytes: some(dice, 300, () => dice.pick([64, 256, 9_000])),
    faultsUs: dice.pick([5 * SECOND, MINUTE, 10 * MINUTE, HOUR]),
    windowFirstBytes: dice.pick(FIRST_WINDOWS_BYTES),
  });
}

/** A reliable lower flow keeps PDUs for ever: for longer than any run would live. */
function longStalls(dice: Dice): Partial<Knobs> {
  return {
    stalls: some(dice, 500, () => dice.between(1, 3)),
    stallMaxUs: dice.pick([SECOND, 3 * MINUTE]),
    faultsUs: 10 * MINUTE,
  };
}

/** Hours in which little happens: paused readers, idle runs, clocks that wrap. */
export function drawLong(dice: Dice): Knobs {
  const small = drawPair(dice);
  return {
    ...small,
    messagesA: dice.between(2, 12),
    messagesB: dice.between(0, 12),
    burst: dice.pick([1, 3]),
    lossPct: Math.min(small.lossPct, 20),
    thinkUs: dice.pick([30 * SECOND, 2 * MINUTE, 20 * MINUTE, HOUR]),
    pauses: some(dice, 600, () => dice.between(1, 3)),
    pauseMaxUs: dice.pick([10 * MINUTE, HOUR, 3 * HOUR]),
    ending: dice.pick([ENDING.A, ENDING.B, ENDING.BOTH, ENDING.IDLE]),
    crash: 0,
    faultsUs: 6 * HOUR,
  };
}

/** Hosts with IRMd, IPCP and programs, and many short flows between them. */
export function drawStack(dice: Dice): Knobs {
  const small = drawPair(dice);
  return {
    ...small,
    ...{ lowerReliable: 0, unreliable: 0, movable: 0, moves: 0, crash: 0, suspends: 0, corruptPct: 0 },
    ...{
      forges: 0,
      replays: 0,
      reflects: 0,
      pauses: 0,
      mtuBytes: 1_400,
      sizeMaxBytes: Math.min(3_000, small.sizeMaxBytes),
    },
    lossPct: Math.min(small.lossPct, 40),
    dupCopies: Math.min(small.dupCopies, 3),
    messagesA: dice.between(1, 8),
    messagesB: dice.below(8),
    thinkUs: dice.pick([0, MS, 100 * MS, 3 * SECOND]),
    hosts: dice.between(2, 5),
    allocs: dice.between(1, 16),
    abortPct: some(dice, 300, () => 30),
    refusePct: some(dice, 300, () => 20),
    deaths: some(dice, 300, () => dice.between(1, 4)),
    stalls: some(dice, 400, () => dice.between(1, 6)),
    stallMaxUs: dice.pick([100 * MS, SECOND, 15 * SECOND]),
    blackouts: some(dice, 400, () => dice.between(1, 5)),
    blackoutMaxUs: dice.pick([SECOND, 10 * SECOND]),
    blackoutPassBytes: 0,
  };
}
