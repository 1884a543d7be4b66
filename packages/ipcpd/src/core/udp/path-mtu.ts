import type { DurationUs, InstantUs } from '@flowring/frcp';

/** UDP payload that is taken to fit before anything is known: RFC 8899 BASE_PLPMTU. */
export const MTU_BASE_BYTES = 1_200;
/** What a path must carry: the least MTU of IPv4 is 576, less the headers of IPv4 and UDP. */
export const MTU_LEAST_BYTES = 548;

/** Sizes that paths have, less the headers of IPv4 or IPv6 and UDP: loopback, jumbo frames, Ethernet, PPPoE, tunnels. */
const USUAL_SIZES = [65_507, 65_487, 8_972, 8_952, 4_052, 1_472, 1_452, 1_432, 1_412, 1_372, 1_352, 1_232];
/** Probes of one size that may be lost before the size is held not to fit (RFC 8899: 3). */
const SEARCH_TRIES = 3;
//= R-UDP-21
/** While data flows the size in use is probed too; so many lost in a row, while small ones come back, are a black hole. */
const VERIFY_TRIES = 6;
const VERIFY_EVERY_US = 1_000_000;
/** How long to be content with a size before larger ones are tried again: RFC 8899 PMTU_RAISE_TIMER. */
const RAISE_AFTER_US = 600_000_000;
/** After a black hole the path may still be changing. */
const RAISE_AFTER_FALL_US = 30_000_000;
const PROBE_WAIT_MIN_US = 50_000;
const PROBE_WAIT_MAX_US = 500_000;
const PROBE_WAIT_FIRST_US = 250_000;

/** What the path asks for now: probes of these sizes. */
export type ProbeSizes = readonly number[];

const NO_PROBES: ProbeSizes = [];

/**
 * What one path carries, found with probes of our own and no word from routers (RFC 8899, DPLPMTUD). Pure: call `step`
 * when `nextUs` comes and send what it says; tell it what came back.
 */
//= R-UDP-20
export class PathMtu {
  /** Largest packet that the path is known to carry, bytes. */
  bytes: number;
  /** Large packets were sent since the size was verified last; see {@link noteUse}. */
  inUse = false;
  /** When `step` is wanted; `Infinity`: not before the path is used. */
  nextUs: InstantUs;
  /** Smallest size known not to fit. */
  #tooLarge: number;
  readonly #max: number;
  #probing = 0;
  #tries = 0;
  #sentUs: InstantUs = 0;
  #raiseAtUs: InstantUs = 0;
  #verifying = false;
  /** The largest that came back of the small probes beside the large one. */
  #smallBytes = 0;
  #srttUs: DurationUs = 0;
  #verifyAtUs: InstantUs = 0;

  /** `max`: what the own interface carries, bytes. */
  constructor(max: number, nowUs: InstantUs) {
    this.#max = max;
    this.bytes = Math.min(MTU_BASE_BYTES, max);
    this.#tooLarge = max + 1;
    this.nextUs = nowUs;
    this.#verifyAtUs = nowUs + VERIFY_EVERY_US;
  }

  /** A large packet is sent, and `inUse` was not set: from now on the size is verified. */
  noteUse(nowUs: InstantUs): void {
    this.inUse = true;
    if (this.#probing !== 0) return;
    this.nextUs = Math.min(this.nextUs, Math.max(nowUs, Math.min(this.#verifyAtUs, this.#raiseAtUs)));
  }

  /** Another path, of which nothing is known. */
  restart(nowUs: InstantUs): void {
    this.bytes = Math.min(MTU_BASE_BYTES, this.#max);
    this.#tooLarge = this.#max + 1;
    this.#raiseAtUs = nowUs;
    this.#srttUs = 0;
    this.#settle(nowUs);
  }

  /** A probe of this size came back. True: the path carries more than was known. */
  answered(size: number, nowUs: InstantUs): boolean {
    if (this.#verifying && size < this.#probing) this.#smallBytes = Math.max(this.#smallBytes, size);
    if (size === this.#probing) {
      const sampleUs = nowUs - this.#sentUs;
      this.#srttUs = this.#srttUs === 0 ? sampleUs : Math.round((7 * this.#srttUs + sampleUs) / 8);
      this.#settle(nowUs);
    }
    if (size <= this.bytes || size > this.#max) return false;
    this.bytes = size;
    this.#tooLarge = Math.max(this.#tooLarge, size + 1);
    this.nextUs = nowUs;
    return true;
  }

  /** The own host says that packets of more than so many bytes do not leave. True: less than was in use. */
  limited(max: number, nowUs: InstantUs): boolean {
    if (max < MTU_LEAST_BYTES || max >= this.#tooLarge) return false;
    this.#tooLarge = max + 1;
    if (this.#probing > max) this.#probing = this.#tries = 0;
    this.nextUs = nowUs;
    if (this.bytes <= max) return false;
    this.bytes = max;
    return true;
  }

  /** Sizes to probe now; `fell`: the size in use does not fit any more, `bytes` is what is used from now on. */
  step(nowUs: InstantUs): { readonly probes: ProbeSizes; readonly fell: boolean } {
    if (this.#probing !== 0) {
      if (nowUs < this.#sentUs + this.#waitUs()) return this.#later(this.#sentUs + this.#waitUs());
      if (this.#tries >= (this.#verifying ? VERIFY_TRIES : SEARCH_TRIES)) return this.#lost(nowUs);
      return this.#probe(nowUs);
    }
    if (nowUs >= this.#raiseAtUs) {
      const size = this.#nextSize();
      if (size > this.bytes) return this.#start(size, false, nowUs);
      this.#raiseAtUs = nowUs + RAISE_AFTER_US;
      this.#tooLarge = this.#max + 1;
    }
    if (!this.inUse || this.bytes <= MTU_LEAST_BYTES) return this.#later(Infinity);
    if (nowUs < this.#verifyAtUs) return this.#later(Math.min(this.#verifyAtUs, this.#raiseAtUs));
    this.inUse = false;
    return this.#start(this.bytes, true, nowUs);
  }

  #start(size: number, verifying: boolean, nowUs: InstantUs): { probes: ProbeSizes; fell: boolean } {
    this.#probing = size;
    this.#verifying = verifying;
    this.#tries = 0;
    this.#smallBytes = 0;
    return this.#probe(nowUs);
  }

  /** A lost probe of a size in use may be a lost packet or a lost peer: small ones beside it tell. */
  #probe(nowUs: InstantUs): { probes: ProbeSizes; fell: boolean } {
    this.#tries += 1;
    this.#sentUs = nowUs;
    this.nextUs = nowUs + this.#waitUs();
    const probes = [this.#probing];
    if (this.#verifying && this.#tries > 1) {
      probes.push(MTU_LEAST_BYTES);
      if (this.#probing > MTU_BASE_BYTES) probes.push(MTU_BASE_BYTES);
    }
    return { probes, fell: false };
  }

  #lost(nowUs: InstantUs): { probes: ProbeSizes; fell: boolean } {
    const size = this.#probing;
    const fell = this.#verifying && this.#smallBytes > 0;
    this.#settle(nowUs);
    this.nextUs = nowUs;
    if (!this.#verifying) {
      this.#tooLarge = Math.min(this.#tooLarge, size);
    } else if (fell) {
      this.#tooLarge = size;
      this.bytes = this.#smallBytes;
      this.#raiseAtUs = this.bytes < MTU_BASE_BYTES ? nowUs + RAISE_AFTER_FALL_US : nowUs;
    }
    return { probes: NO_PROBES, fell };
  }

  /** The largest size first: where it fits, one probe is all. Then the usual ones, from large to small. */
  #nextSize(): number {
    if (this.#tooLarge > this.#max) return this.#max;
    for (const size of USUAL_SIZES) if (size < this.#tooLarge && size <= this.#max) return size;
    return 0;
  }

  #settle(nowUs: InstantUs): void {
    this.#probing = this.#tries = 0;
    this.#verifyAtUs = nowUs + VERIFY_EVERY_US;
    this.nextUs = nowUs;
  }

  #waitUs(): DurationUs {
    if (this.#srttUs === 0) return PROBE_WAIT_FIRST_US;
    return Math.min(PROBE_WAIT_MAX_US, Math.max(PROBE_WAIT_MIN_US, 3 * this.#srttUs));
  }

  #later(atUs: InstantUs): { probes: ProbeSizes; fell: boolean } {
    this.nextUs = atUs;
    return { probes: NO_PROBES, fell: false };
  }
}
