import { message, Pair, type End, type LinkModel } from './pair.ts';
import { Prng } from './prng.ts';

const SECOND = 1_000_000;

/** What one seed decides. Printed when the seed fails. */
export interface Knobs {
  readonly link: Partial<LinkModel>;
  readonly reliable: boolean;
  readonly lowerReliable: boolean;
  readonly integrity: boolean;
  readonly congestion: 'none' | 'cubic';
  readonly timestamps: boolean;
  readonly mtuBytes: number;
  readonly rUs: number;
  readonly windowPdus: number;
  readonly windowBytes: number;
  readonly sduMaxBytes: number;
  readonly sizeMaxBytes: number;
  readonly messages: readonly [number, number];
  readonly thinkUs: number;
  readonly burst: number;
  readonly readerPauses: boolean;
  readonly blackouts: boolean;
  readonly rate: { a: number; b: number };
  readonly firstSeq: { a: number; b: number };
  readonly ending: 'a' | 'b' | 'both' | 'at-once';
}

const EDGES = [0, 0x8000_0000];

/** Every fault may be off, so that pure cases occur. */
export function drawKnobs(random: Prng): Knobs {
  const knobs = drawAll(random);
  // Half lost on a path of half a second: 30 s hold too few copies to promise anything.
  const harsh = (knobs.link.lossRate ?? 0) > 0.3 && (knobs.link.delayUs ?? 0) > 100_000;
  return harsh ? { ...knobs, rUs: 120 * SECOND } : knobs;
}

function drawAll(random: Prng): Knobs {
  const lowerReliable = random.chance(0.15);
  const off = (p: number, value: number): number => (random.chance(p) ? value : 0);
  const integrity = random.chance(0.4);
  const mtuBytes = random.pick([64, 256, 576, 1_400, 9_000]);
  return {
    link: lowerReliable
      ? { delayUs: random.pick([10, 1_000, 50_000]), inOrder: true, jitterUs: off(0.5, 20_000) }
      : {
          lossRate: off(0.7, random.below(50) / 100),
          duplicateRate: off(0.4, random.below(50) / 100),
          corruptRate: integrity ? off(0.5, random.below(10) / 100) : 0,
          delayUs: random.pick([0, 100, 1_000, 20_000, 250_000]),
          jitterUs: off(0.5, random.pick([500, 10_000, 200_000])),
          inOrder: random.chance(0.3),
        },
    reliable: random.chance(0.85),
    lowerReliable,
    integrity,
    mtuBytes,
    rUs: 30 * SECOND,
    windowPdus: random.pick([4, 16, 64, 1_024]),
    windowBytes: random.pick([4_096, 16_384, 262_144]),
    sduMaxBytes: 65_536,
    sizeMaxBytes: random.pick([1, 40, mtuBytes, 3 * mtuBytes, 20_000]),
    messages: [random.between(1, 60), random.chance(0.6) ? random.between(1, 60) : 0],
    thinkUs: random.pick([0, 0, 1_000, 100_000, 40 * SECOND]),
    burst: random.pick([1, 5, 100]),
    readerPauses: random.chance(0.25),
    blackouts: !lowerReliable && random.chance(0.2),
    rate: { a: 1, b: random.pick([1, 1, 1.0005, 0.98, 1.02]) },
    firstSeq: {
      a: random.chance(0.5) ? random.u32() : random.pick(EDGES) - random.below(40),
      b: random.chance(0.5) ? random.u32() : random.pick(EDGES) - random.below(40),
    },
    ending: random.pick(['a', 'b', 'both', 'at-once']),
    congestion: random.pick(['none', 'cubic'] as const),
    timestamps: random.chance(0.7),
  };
}

/** Runs one seed to its end; throws what a checker finds. Returns the hash of everything sent. */
export function runSeed(seed: number): number {
  const random = new Prng(seed);
  const knobs = drawKnobs(random);
  try {
    return new Run(seed, knobs, random).toEnd();
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}\n${JSON.stringify(knobs)}`, { cause: error });
  }
}

class Run {
  private readonly pair: Pair;
  private readonly knobs: Knobs;
  private readonly random: Prng;
  private serial = 0;

  constructor(seed: number, knobs: Knobs, random: Prng) {
    this.knobs = knobs;
    this.random = random;
    const { reliable, lowerReliable, integrity, congestion, timestamps } = knobs;
    const { mtuBytes, rUs, windowPdus, windowBytes, sduMaxBytes } = knobs;
    this.pair = new Pair({
      seed,
      link: knobs.link,
      rate: knobs.rate,
      firstSeq: knobs.firstSeq,
      params: {
        ...{ reliable, lowerReliable, integrity, congestion, timestamps },
        ...{ mtuBytes, rUs, windowPdus, windowBytes, sduMaxBytes },
      },
    });
  }

  toEnd(): number {
    const { pair, knobs } = this;
    this.talk(pair.a, knobs.messages[0]);
    this.talk(pair.b, knobs.messages[1]);
    if (knobs.readerPauses) this.pauseReaders();
    if (knobs.blackouts) this.blackOut();
    const sent = (): boolean =>
      pair.a.written.length === knobs.messages[0] && pair.b.written.length === knobs.messages[1];
    if (knobs.ending !== 'at-once')
      this.require(16_000, 'written and delivered', () => sent() && this.delivered());
    else pair.run(this.random.below(5 * SECOND));
    this.finish();
    return pair.traceHash;
  }

  private talk(end: End, count: number): void {
    const { pair, knobs, random } = this;
    let left = count;
    let blockedUs = 0;
    const go = (): void => {
      blockedUs = 0;
      for (let n = 0; n < knobs.burst && left > 0; n++) {
        const outcome = pair.write(
          end,
          message(this.serial, random.between(4, Math.max(4, knobs.sizeMaxBytes))),
        );
        if (outcome === 'closed') return;
        if (outcome === 'would-block') {
          blockedUs = 100_000;
          break;
        }
        this.serial++;
        left--;
      }
      if (left > 0) pair.after(Math.max(blockedUs, 1 + random.below(knobs.thinkUs + 2_000)), go);
    };
    pair.after(random.below(5_000), go);
  }

  private pauseReaders(): void {
    const { pair, random } = this;
    for (const end of [pair.a, pair.b]) {
      end.reading = false;
      pair.after(random.below(120 * SECOND), () => {
        end.reading = true;
        while (pair.read(end) !== null);
      });
    }
  }

  private blackOut(): void {
    const { pair, random } = this;
    for (let n = 0; n < 3; n++) {
      const start = random.below(60 * SECOND);
      const sides = random.pick([[pair.a], [pair.b], [pair.a, pair.b]]);
      pair.after(start, () => sides.forEach((end) => (end.out.down = true)));
      pair.after(start + random.below(6 * SECOND), () => sides.forEach((end) => (end.out.down = false)));
    }
  }

  private delivered(): boolean {
    const { a, b } = this.pair;
    if (!this.knobs.reliable) return a.conn.queuedBytes === 0 && b.conn.queuedBytes === 0;
    return (
      a.delivered.length === b.written.length &&
      b.delivered.length === a.written.length &&
      a.conn.unackedSdus + b.conn.unackedSdus === 0
    );
  }

  private finish(): void {
    const { pair, knobs } = this;
    const { a, b } = pair;
    if (knobs.ending === 'a' || knobs.ending === 'both' || knobs.ending === 'at-once') pair.close(a);
    if (knobs.ending === 'b' || knobs.ending === 'both' || knobs.ending === 'at-once') pair.close(b);
    const first = knobs.ending === 'b' ? b : a;
    this.require(
      200,
      'closed',
      () => first.has('closed') && (first.peer.has('end') || first.peer.has('closed')),
    );
    if (knobs.reliable && knobs.ending !== 'at-once' && first.peer.event('end')?.clean === false)
      throw new Error('a complete flow ended as cut');
    pair.close(first.peer);
    this.require(400, 'both closed', () => first.peer.has('closed'));
    this.require(800, 'drained', () => a.has('drained') && b.has('drained'));
    for (const end of [a, b]) {
      if (end.has('down')) throw new Error(`${end.side}: down`);
      if (end.conn.nextTimeout() !== null) throw new Error(`${end.side}: a timer outlives the connection`);
    }
  }

  private require(forSeconds: number, what: string, done: () => boolean): void {
    const { a, b } = this.pair;
    if (this.pair.run(forSeconds * SECOND, done)) return;
    throw new Error(
      `not ${what} in ${forSeconds} s; a ${JSON.stringify([a.written.length, a.delivered.length, a.events.slice(-3), a.conn.inspect()])} ` +
        `b ${JSON.stringify([b.written.length, b.delivered.length, b.events.slice(-3), b.conn.inspect()])}`,
    );
  }
}
