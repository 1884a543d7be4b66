import type { FrcpParams } from '../../../packages/frcp/src/index.ts';
import { message, Pair, type End } from '../../../packages/frcp/test/pair.ts';
import { demand, InputReader, type FuzzTarget } from '../engine/target.ts';

const SECOND = 1_000_000;
const UNIT_BYTES = 3;
const DELAYS_US = [0, 10, 1_000, 20_000, 200_000, 900_000];
const STEPS_US = [
  0, 100, 1_000, 10_000, 60_000, 300_000, 2_000_000, 9_000_000, 40_000_000, 70_000_000, 150_000_000,
];
const MTU_BYTES = 120;

const KINDS: readonly Partial<FrcpParams>[] = [
  {},
  { integrity: true, windowPdus: 8 },
  { reliable: false },
  { lowerReliable: true },
  { lowerReliable: true, movable: true },
  { windowPdus: 4, windowBytes: 4_096 },
  { rUs: 2 * SECOND, mplUs: 500_000 },
  { congestion: 'cubic', pacing: true, timestamps: true },
  { congestion: 'cubic', integrity: true },
];

/** Two connections; the input says what the programs do and what the lower flow does to each PDU. */
class FuzzedPair {
  readonly pair: Pair;
  readonly #reader: InputReader;
  readonly #isLowerReliable: boolean;
  /** Aborted or moved: the flow may end without delivering all. */
  #mayFail = false;
  #serial = 0;

  constructor(reader: InputReader) {
    this.#reader = reader;
    const kind = KINDS[reader.below(KINDS.length)]!;
    this.#isLowerReliable = kind.lowerReliable === true;
    this.pair = new Pair({
      params: { mtuBytes: MTU_BYTES, sduMaxBytes: 2_000, windowPdus: 32, windowBytes: 8_192, ...kind },
      firstSeq: { a: 0xffff_ffff - reader.below(32), b: 0x8000_0000 - reader.below(32) },
      link: { inOrder: this.#isLowerReliable },
    });
  }

  step(): void {
    const { pair } = this;
    const op = this.#reader.u8();
    const [x, y] = [this.#reader.u8(), this.#reader.u8()];
    const end = (op & 1) === 0 ? pair.a : pair.b;
    switch ((op >> 1) % 12) {
      case 0:
        for (let n = x % 8; n >= 0; n--) this.#write(end, y);
        break;
      case 1:
        this.#write(end, ((x << 8) | y) % 2_000);
        break;
      case 2:
        pair.run(STEPS_US[x % STEPS_US.length]!);
        break;
      case 3:
        pair.run((x << 8) | y);
        break;
      case 4:
        this.#lose(end, x, y);
        break;
      case 5:
        end.out.delayUs = this.#isLowerReliable ? 1_000 : DELAYS_US[x % DELAYS_US.length]!;
        end.out.duplicateRate = this.#isLowerReliable ? 0 : y & 1;
        break;
      case 6:
        end.reading = (x & 1) === 0;
        break;
      case 7:
        for (let n = x; n > 0 && pair.read(end) !== null; n--);
        break;
      case 8:
        if ((x & 7) === 0) pair.close(end);
        break;
      case 9:
        if ((x & 15) === 0) this.#abort(end);
        break;
      case 10:
        if ((x & 3) === 0) this.#move(y);
        break;
      default:
        end.conn.compact();
    }
  }

  /** The path heals, both read and close: all comes to an end, and what could arrive has. */
  end(): void {
    const { pair } = this;
    const both = [pair.a, pair.b];
    for (const end of both) {
      Object.assign(end.out, { filter: null, down: false, duplicateRate: 0, delayUs: 1_000 });
      end.reading = true;
      while (pair.read(end) !== null);
    }
    pair.run(200 * SECOND);
    for (const end of both) pair.close(end);
    const isOver = (): boolean => both.every((end) => end.has('drained'));
    demand(pair.run(2_000 * SECOND, isOver), 'does not drain');
    for (const end of both) {
      demand(end.conn.nextTimeout() === null, 'a timer after drained');
      if (!this.#mayFail) this.#checkComplete(end, end.peer);
    }
  }

  #checkComplete(from: End, to: End): void {
    if (from.has('down') || to.has('down') || !from.params.reliable || to.conn.stats.discarded > 0) return;
    demand(to.delivered.length === from.written.length, 'closed, and not all was delivered');
    demand(to.event('end')?.clean !== false, 'a complete flow ended as cut');
  }

  #write(end: End, bytes: number): void {
    if (this.pair.write(end, message(this.#serial, bytes)) === 'queued') this.#serial++;
  }

  /** The next sixteen PDUs live or die by the bits. */
  #lose(end: End, x: number, y: number): void {
    if (this.#isLowerReliable) return;
    let fates = (x << 8) | y;
    let left = 16;
    end.out.filter = () => {
      if (left-- <= 0) return true;
      fates >>>= 1;
      return (fates & 1) === 0;
    };
  }

  #abort(end: End): void {
    this.#mayFail = true;
    this.pair.abort(end);
  }

  #move(how: number): void {
    const { pair } = this;
    // What is sent there is not kept unless `movable` is set.
    if (this.#isLowerReliable) this.#mayFail = true;
    const mtuBytes = [MTU_BYTES, 110, 60, 48][how % 4]!;
    for (const end of [pair.a, pair.b]) {
      end.conn.moveLower(pair.clockOf(end), { mtuBytes, mplUs: SECOND });
      pair.flush(end);
    }
  }
}

export const target: FuzzTarget = {
  name: 'frcp-pair',
  about:
    'two FRCP connections whose programs and lower flow follow the input: what arrives is right, and it all ends',
  maxBytes: 64 * UNIT_BYTES,
  unitBytes: UNIT_BYTES,
  seeds: [
    Uint8Array.from([
      ...[0, 3, 3],
      ...[0, 5, 40],
      ...[4, 5, 0],
      ...[2, 3, 0],
      ...[8, 0x55, 0x10],
      ...[0, 7, 200],
      ...[4, 6, 0],
      ...[12, 1, 0],
      ...[3, 2, 9],
      ...[10, 3, 1],
      ...[16, 0, 0],
      ...[4, 7, 0],
    ]),
  ],
  run(input) {
    const reader = new InputReader(input);
    const fuzzed = new FuzzedPair(reader);
    while (!reader.isAtEnd) fuzzed.step();
    fuzzed.end();
  },
};
