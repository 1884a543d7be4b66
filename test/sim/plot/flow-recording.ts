import { crc32 } from 'node:zlib';
import { decodePci, FLAG, newPci, openTrailer, type Pci } from '../../../packages/frcp/src/pci.ts';

export type PointKind = 'sent' | 'again' | 'lost' | 'ack' | 'edge';

/** A point of a sequence plot: PDU numbers count from the first one seen. */
export interface Point {
  readonly atUs: number;
  readonly index: number;
}

/** Points of one direction that are drawn at most, of each kind: the later ones are left out. */
const POINTS_MAX = 20_000;
/** Numbers further apart than that belong to another run. */
const SAME_RUN = 1 << 20;

const platformCrc32 = (bytes: Uint8Array, start: number, end: number): number =>
  crc32(bytes.subarray(start, end));

/** The numbers of one direction over time. */
export class DirectionRecording {
  readonly points: Readonly<Record<PointKind, Point[]>> = {
    sent: [],
    again: [],
    lost: [],
    ack: [],
    edge: [],
  };
  #highest = -1;
  #highestSeq = 0;

  /** A data PDU left. */
  onData(atUs: number, seq: number, isLost: boolean): void {
    const ahead = (seq - this.#highestSeq) | 0;
    const isNew = this.#highest < 0 || ahead > 0 || ahead < -SAME_RUN;
    const index = isNew ? this.#highest + (this.#isFar(ahead) ? 1 : ahead) : this.#highest + ahead;
    if (isNew) {
      this.#highest = index;
      this.#highestSeq = seq;
    }
    this.#add(isNew ? 'sent' : 'again', atUs, index);
    if (isLost) this.#add('lost', atUs, index);
  }

  /** The receiver told what it has, and what may come. */
  onAck(atUs: number, ack: number, edge: number): void {
    if (this.#highest < 0 || this.#isFar((ack - this.#highestSeq) | 0)) return;
    const index = this.#highest + ((ack - this.#highestSeq) | 0);
    this.#add('ack', atUs, index);
    this.#add('edge', atUs, index + ((edge - ack) | 0));
  }

  #isFar(ahead: number): boolean {
    return this.#highest < 0 || Math.abs(ahead) > SAME_RUN;
  }

  #add(kind: PointKind, atUs: number, index: number): void {
    const points = this.points[kind];
    if (points.length < POINTS_MAX) points.push({ atUs, index });
  }
}

/** Both directions of a flow, from the PDUs that were sent. */
export class FlowRecording {
  readonly ab = new DirectionRecording();
  readonly ba = new DirectionRecording();
  readonly #pci: Pci = newPci();

  /** A PDU left `a` or `b`. What is none is passed over. */
  sent(atUs: number, from: 'a' | 'b', pdu: Uint8Array, isLost: boolean): void {
    const pci = this.#pci;
    const isPdu = openTrailer(pdu, 0, pdu.length, pci, platformCrc32) || decodePci(pdu, 0, pdu.length, pci);
    if (!isPdu) return;
    const [out, into] = from === 'a' ? [this.ab, this.ba] : [this.ba, this.ab];
    if ((pci.flags & FLAG.DATA) !== 0) out.onData(atUs, pci.seq, isLost);
    if ((pci.flags & FLAG.ACK) !== 0) into.onAck(atUs, pci.ack, pci.edge);
  }
}
