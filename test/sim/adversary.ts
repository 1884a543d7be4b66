import { crc32 } from '../../packages/frcp/src/crc32.ts';
import { decodePci, encodePci, FLAG, newPci, openTrailer, sealTrailer } from '../../packages/frcp/src/pci.ts';
import type { FrcpEnd } from './frcp-end.ts';
import type { FrcpWorld } from './frcp-world.ts';
import type { Dice } from './seeded.ts';

const SEEN_MAX = 64;
const DATA_MAX_BYTES = 32;
/** A guess so near to a true number is a lucky one, which nothing but encryption withstands: not drawn. */
const LUCKY = 1 << 21;

interface Seen {
  readonly from: FrcpEnd;
  readonly pdu: Uint8Array;
  readonly atUs: number;
}

/** Off the path and without the keys: guesses numbers, repeats what it overheard, sends it back. */
export class Adversary {
  readonly #world: FrcpWorld;
  readonly #dice: Dice;
  readonly #seen: Seen[] = [];
  #seenNext = 0;
  readonly #listens: boolean;

  constructor(world: FrcpWorld, dice: Dice) {
    this.#world = world;
    this.#dice = dice;
    const { forges, replays, reflects, faultsUs } = world.knobs;
    this.#listens = replays + reflects > 0;
    const within = Math.max(1, Math.min(faultsUs, world.activeUs));
    const plan = (times: number, run: () => void): void => {
      for (let n = 0; n < times; n += 1) world.fault(dice.below(within), run);
    };
    plan(forges, () => this.#forge());
    plan(replays, () => this.#replay());
    plan(reflects, () => this.#reflect());
  }

  overhear(from: FrcpEnd, pdu: Uint8Array, atUs: number): void {
    if (!this.#listens) return;
    this.#seen[this.#seenNext++ % SEEN_MAX] = { from, pdu, atUs };
  }

  /** A copy that is younger than MPL. */
  #replay(): void {
    const seen = this.#pickSeen();
    if (seen === null || this.#world.nowUs - seen.atUs >= this.#world.knobs.mplUs) return;
    this.#world.counts.replayed += 1;
    this.#world.checker.onTransit(seen.from, this.#world.nowUs - seen.atUs);
    this.#world.inject(seen.from.peer, seen.pdu);
  }

  /** Back to its sender. What could open a run there, or hits its numbers, only a key for each direction stops. */
  #reflect(): void {
    const seen = this.#pickSeen();
    if (seen === null) return;
    const pci = newPci();
    const { pdu, from } = seen;
    const valid = from.params.integrity
      ? openTrailer(pdu, 0, pdu.length, pci, crc32)
      : decodePci(pdu, 0, pdu.length, pci);
    if (!valid || (pci.flags & (FLAG.DRF | FLAG.RESET)) !== 0) return;
    const { checker } = this.#world;
    const [out, into] = [checker.outOf(from), checker.into(from)];
    if (isNear(pci.ack, out.base + out.una) || isNear(pci.seq, into.rxBase + into.next)) return;
    this.#world.counts.reflected += 1;
    this.#world.inject(from, pdu);
  }

  #pickSeen(): Seen | null {
    return this.#seen.length === 0 ? null : this.#dice.pick(this.#seen);
  }

  /** A PDU made up: an acknowledgement of anything, data anywhere, a probe, a reset. */
  #forge(): void {
    const dice = this.#dice;
    const to = dice.pick(this.#world.ends);
    const { checker } = this.#world;
    const [out, into] = [checker.outOf(to), checker.into(to)];
    const pci = newPci();
    pci.flags = dice.pick([
      FLAG.ACK,
      FLAG.ACK,
      FLAG.RDVS,
      FLAG.RDVS | FLAG.DRF,
      FLAG.DATA | FLAG.FIRST | FLAG.LAST,
      FLAG.DATA | FLAG.ACK | FLAG.LAST,
      FLAG.RESET | FLAG.ACK,
    ]);
    pci.seq = this.#guess((into.rxBase + into.next) | 0);
    pci.ack = dice.chance(300)
      ? (out.base + out.nxt + 1 + dice.below(1_000)) | 0
      : this.#guess(out.base + out.una);
    pci.edge = (pci.ack + dice.below(1 << 20)) | 0;
    pci.creditBytes = dice.below(1 << 24);
    const isReset = (pci.flags & FLAG.RESET) !== 0;
    // Without retransmission any gap is passed over, and so any number within a quarter of all is a lucky guess.
    if ((pci.flags & FLAG.DATA) !== 0 && !to.params.reliable) return;
    if (isReset && (!into.hasRun || isNear(pci.ack, out.base + out.una))) return;
    const pdu = new Uint8Array(64);
    let length = encodePci(pdu, 0, pci);
    if ((pci.flags & FLAG.DATA) !== 0) length += dice.below(DATA_MAX_BYTES);
    if (to.params.integrity && dice.chance(700)) length = sealTrailer(pdu, 0, length, crc32);
    this.#world.counts.forged += 1;
    this.#world.inject(to, pdu.slice(0, length));
  }

  /** A number that is far from the true one. */
  #guess(truth: number): number {
    return (truth + LUCKY + this.#dice.below(2 ** 32 - 2 * LUCKY)) | 0;
  }
}

function isNear(number: number, truth: number): boolean {
  return Math.abs((number - truth) | 0) < LUCKY;
}
