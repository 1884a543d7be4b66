/**
 * What a seed decides: every knob with its calm value, which is what the shrinker turns it to. Numbers only, so that
 * a failing set can be shrunk and handed around as JSON. Per cent, microseconds and bytes as the names say.
 */
export const CALM = {
  // The path, both ways unless told.
  lossPct: 0,
  /** Mean length of a burst of losses; 1: each PDU for itself (else Gilbert). */
  lossBurst: 1,
  /** 0 both ways, 1 from a to b only, 2 from b to a only. */
  lossOneWay: 0,
  dupPct: 0,
  dupCopies: 1,
  delayUs: 1_000,
  /** Up to so much more, evenly. */
  jitterUs: 0,
  /** Mean of an exponential tail, which MPL cuts. */
  tailUs: 0,
  /** 1: jitter does not reorder. */
  inOrder: 0,
  /** This share of the PDUs arrives only after almost all of MPL. */
  stragglePct: 0,
  corruptPct: 0,
  /** 0: no limit. */
  bandwidthKbps: 0,
  queuePdus: 0,
  /** How often, how long at most, and which way nothing comes through; 1 and 2 as in lossOneWay. */
  blackouts: 0,
  blackoutMaxUs: 0,
  blackoutOneWay: 0,
  /** During a blackout PDUs up to this size come through: a path with a smaller MTU than it says. */
  blackoutPassBytes: 0,

  // Hosts and their clocks.
  ratePpmA: 0,
  ratePpmB: 0,
  epochUsA: 0,
  epochUsB: 0,
  /** Timers come up to so much late. */
  timerLagUs: 0,
  /** A driver gathers what arrives for so long before it reads and sends. */
  turnUs: 0,
  stalls: 0,
  stallMaxUs: 0,
  suspends: 0,
  suspendMaxUs: 0,
  /** 1: a suspended host's clock stands still. */
  suspendStopsClock: 0,
  /** 1: a's process dies, 2: b's. */
  crash: 0,

  // The adversary.
  forges: 0,
  replays: 0,
  reflects: 0,
  /** PDUs live up to so many times MPL; above 1 no promise holds but that nothing breaks. */
  mplFactor: 1,

  // The flow.
  unreliable: 0,
  lowerReliable: 0,
  movable: 0,
  integrity: 0,
  mtuBytes: 1_400,
  mplUs: 1_000_000,
  aUs: 50_000,
  rUs: 30_000_000,
  windowPdus: 1_024,
  windowBytes: 262_144,
  /** Most of it that is granted at first. */
  windowFirstBytes: 1_048_576,
  sduMaxBytes: 65_536,
  rtoMinUs: 10_000,
  rtoInitialUs: 200_000,
  /** 1: CUBIC and pacing. */
  cubic: 0,
  /** 1: PDUs carry no times, and Karn's rule alone tells copies apart. */
  timeless: 0,
  /** Where numbers start; -1: drawn. */
  firstSeqA: -1,
  firstSeqB: -1,
  moves: 0,
  /** MTU of the lower flow moved to; 0: the same. */
  moveMtuBytes: 0,

  // What the programs do.
  /** 0 both stream, 1 b echoes, 2 a asks and b answers. */
  workload: 0,
  messagesA: 1,
  messagesB: 0,
  sizeMinBytes: 16,
  sizeMaxBytes: 16,
  /** 1: sizes around a whole number of PDUs. */
  sizeNearMtu: 0,
  burst: 1,
  thinkUs: 0,
  pauses: 0,
  pauseMaxUs: 0,
  /** At least so long between two reads. */
  readGapUs: 0,
  ending: 0,
  // A whole stack: hosts and allocations.
  hosts: 2,
  allocs: 1,
  abortPct: 0,
  refusePct: 0,
  /** Programs that die; another starts in the place of each. */
  deaths: 0,

  /** Faults stop after so long. */
  faultsUs: 60_000_000,
};

export type Knobs = { readonly [K in keyof typeof CALM]: number };
export type KnobName = keyof Knobs;

/** Who ends the flow, and when. */
export const ENDING = {
  /** a, when everything has arrived; b follows. */
  A: 0,
  B: 1,
  /** Both, when everything has arrived. */
  BOTH: 2,
  /** Both, at one time in the middle. */
  AT_ONCE: 3,
  /** a, as soon as it has written. */
  A_EARLY: 4,
  /** a aborts in the middle. */
  ABORT: 5,
  /** Nobody, until the faults are over. */
  IDLE: 6,
} as const;

export const WORKLOAD = { STREAM: 0, ECHO: 1, ASK: 2 } as const;

/** The knobs that are not calm. */
export function turnedKnobs(knobs: Knobs): Partial<Knobs> {
  const names = Object.keys(CALM) as KnobName[];
  return Object.fromEntries(
    names.filter((name) => knobs[name] !== CALM[name]).map((name) => [name, knobs[name]]),
  );
}

/** Fills up what is given with calm values. Throws a RangeError that names a knob there is not. */
export function knobsFrom(given: Partial<Record<string, number>>): Knobs {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(CALM, name)) throw new RangeError(`no such knob: ${name}`);
    if (!Number.isFinite(value)) throw new RangeError(`${name}: must be a number`);
  }
  return { ...CALM, ...given };
}
