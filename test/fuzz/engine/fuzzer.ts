import { Prng } from '../../../packages/frcp/test/prng.ts';
import { Mutator } from './mutator.ts';
import type { Comparison, Probes } from './probes.ts';
import type { FuzzTarget } from './target.ts';

/** Runs spent on making one kept input shorter. */
const TRIM_RUNS_MAX = 200;
const SHRINK_RUNS_MAX = 3_000;
const BURST = 64;
const NOTHING = new Uint8Array(0);

export interface FuzzerOptions {
  readonly seed: number;
  /** Keeps nothing: every input is a mutation of the first ones. For comparison. */
  readonly isBlind?: boolean;
}

interface Kept {
  readonly bytes: Uint8Array;
  readonly comparisons: readonly Comparison[];
}

/** An input that broke what must hold, made as short as it goes. */
export interface Finding {
  readonly input: Uint8Array;
  readonly error: Error;
}

/** Coverage-guided search over the inputs of a target: what reaches something new is kept and changed further. */
export class Fuzzer {
  readonly corpus: Kept[] = [];
  readonly findings = new Map<string, Finding>();
  runs = 0;
  /** Runs so far and branches reached by them, whenever there were more. */
  readonly curve: [number, number][] = [];
  readonly #target: FuzzTarget;
  readonly #probes: Probes;
  readonly #random: Prng;
  readonly #mutator: Mutator;
  readonly #isBlind: boolean;

  constructor(target: FuzzTarget, probes: Probes, { seed, isBlind = false }: FuzzerOptions) {
    this.#target = target;
    this.#probes = probes;
    this.#random = new Prng(seed);
    this.#isBlind = isBlind;
    const { maxBytes, unitBytes = 1, words = [] } = target;
    this.#mutator = new Mutator(this.#random, { maxBytes, unitBytes, words: [...probes.words, ...words] });
  }

  /** Takes inputs to begin with; all of them are kept while their coverage is new. */
  async begin(inputs: readonly Uint8Array[]): Promise<void> {
    for (const input of inputs) await this.#try(input, true);
    if (this.corpus.length === 0) this.corpus.push({ bytes: inputs[0] ?? NOTHING, comparisons: [] });
  }

  /** Mutations of one kept input. Resolves to whether one of them was kept. */
  async burst(): Promise<boolean> {
    const { corpus } = this;
    const { bytes, comparisons } = corpus[this.#choose(corpus.length)]!;
    const before = corpus.length;
    for (let n = 0; n < BURST; n++) {
      const other = corpus[this.#random.below(corpus.length)]!.bytes;
      await this.#try(this.#mutator.mutate(bytes, other, comparisons), false);
    }
    return corpus.length > before;
  }

  /** Half of the time one of the newest: what was just reached is the frontier. */
  #choose(count: number): number {
    if (this.#random.chance(0.5)) return this.#random.below(count);
    return count - 1 - this.#random.below(Math.min(count, 16));
  }

  async #try(input: Uint8Array, isGiven: boolean): Promise<void> {
    const error = await this.execute(input);
    if (error !== null) return this.#found(input, error);
    if (this.#probes.countNews(false) === 0) return;
    if (this.#isBlind && !isGiven) {
      this.#probes.countNews(true);
      this.#notePoint();
      return;
    }
    const bytes = isGiven ? input : await this.#trim(input);
    this.#probes.comparisons = [];
    await this.execute(bytes);
    const { comparisons } = this.#probes;
    this.#probes.comparisons = null;
    this.#probes.countNews(true);
    this.corpus.push({ bytes, comparisons });
    this.#notePoint();
  }

  #notePoint(): void {
    this.curve.push([this.runs, this.#probes.covered]);
  }

  /** Runs one input; what it threw. */
  async execute(input: Uint8Array): Promise<Error | null> {
    this.runs++;
    this.#probes.reset();
    try {
      const running = this.#target.run(input);
      if (running !== undefined) await running;
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** Cuts out what is not needed to reach the same news. */
  async #trim(input: Uint8Array): Promise<Uint8Array> {
    const news = this.#probes.countNews(false);
    return this.#shorten(input, TRIM_RUNS_MAX, async (shorter) => {
      const error = await this.execute(shorter);
      return error === null && this.#probes.countNews(false) >= news;
    });
  }

  async #found(input: Uint8Array, error: Error): Promise<void> {
    const kind = kindOf(error);
    if (this.findings.has(kind)) return;
    this.findings.set(kind, { input, error });
    const short = await this.minimize(input, error);
    this.findings.set(kind, { input: short, error });
  }

  /** The shortest input found that fails in the same way. */
  async minimize(input: Uint8Array, error: Error): Promise<Uint8Array> {
    const kind = kindOf(error);
    const fails = async (candidate: Uint8Array): Promise<boolean> => {
      const thrown = await this.execute(candidate);
      return thrown !== null && kindOf(thrown) === kind;
    };
    const short = await this.#shorten(input, SHRINK_RUNS_MAX, fails);
    for (let at = 0; at < short.length; at++) {
      if (short[at] === 0) continue;
      const plainer = short.slice();
      plainer[at] = 0;
      if (await fails(plainer)) short[at] = 0;
    }
    return short;
  }

  async #shorten(
    input: Uint8Array,
    runsMax: number,
    holds: (shorter: Uint8Array) => Promise<boolean>,
  ): Promise<Uint8Array> {
    const unit = this.#target.unitBytes ?? 1;
    let best = input;
    let left = runsMax;
    for (let size = best.length >> 1; size >= 1; size = size > unit && size < 2 * unit ? unit : size >> 1) {
      for (let at = 0; at + size <= best.length && left > 0; left--) {
        const shorter = new Uint8Array(best.length - size);
        shorter.set(best.subarray(0, at));
        shorter.set(best.subarray(at + size), at);
        if (await holds(shorter)) best = shorter;
        else at += size;
      }
    }
    return best.slice();
  }

  /** Few and short inputs that together reach every branch that the corpus reaches. */
  async distil(): Promise<Uint8Array[]> {
    const bySize = this.corpus.map(({ bytes }) => bytes).sort((a, b) => a.length - b.length);
    const branchesOf = new Map<Uint8Array, number[]>();
    const owners = new Map<number, Uint8Array>();
    for (const bytes of bySize) {
      if ((await this.execute(bytes)) !== null) continue;
      const branches = this.#probes.branches();
      branchesOf.set(bytes, branches);
      for (const one of branches) if (!owners.has(one)) owners.set(one, bytes);
    }
    const covered = new Set<number>();
    return [...new Set([...owners.values()].reverse())].filter((bytes) => {
      const news = branchesOf.get(bytes)!.filter((one) => !covered.has(one));
      for (const one of news) covered.add(one);
      return news.length > 0;
    });
  }
}

/** Failures with equal words are one failure. */
export function kindOf(error: Error): string {
  const place = /at (?:async )?([\w.#<>]+) /.exec(error.stack?.replace(/^.*\n/, '') ?? '')?.[1] ?? '';
  const text = error.message.split('\n')[0]!.replaceAll(/\d+/g, 'n').slice(0, 120);
  return error.message.startsWith('hangs')
    ? 'hangs'
    : `${error.name} ${text} ${isOurs(error) ? '' : place}`.trim();
}

/** Thrown by an oracle, not by the code under test. */
function isOurs(error: Error): boolean {
  return error.constructor === Error;
}
