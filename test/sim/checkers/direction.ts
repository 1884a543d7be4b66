import type { FrcpEnd } from '../frcp-end.ts';

/**
 * What the oracle knows of one direction of a flow: what was written, which number each PDU had, what the receiver
 * took in. It counts by itself, from the PDUs on the wire and the clocks of both ends; the machine under test is asked
 * nothing. PDUs have an index that goes on over runs: number = index + base.
 */
export class Direction {
  readonly from: FrcpEnd;
  readonly to: FrcpEnd;
  /** Told apart from every other direction's messages. */
  readonly stream: number;
  /** Bytes of each message written. */
  readonly written: number[] = [];
  /** Bytes of each message and all before it. */
  readonly writtenThrough: number[] = [];
  /** Messages read by the receiving program; unreliable: one past the last one's serial. */
  delivered = 0;
  /** Messages accepted by the receiver's FRCP when its program closed, and when the end came; -1: not yet. */
  acceptedAtClose = -1;
  acceptedAtEnd = -1;

  // The sender's numbers, by index.
  readonly digest: number[] = [];
  readonly flags: number[] = [];
  readonly firstSentAt: number[] = [];
  readonly lastSentUs: number[] = [];
  readonly copies: number[] = [];
  /** User bytes, and messages, up to and with this PDU. */
  readonly endPos: number[] = [];
  readonly sdusThrough: number[] = [];
  base = 0;
  runStart = 0;
  runs = 0;
  nxt = 0;
  una = 0;
  /** Sender's clock at the last new number. */
  lastNewAt = 0;
  /** What the sender was granted: first index and first byte not covered. */
  edge: number;
  limitPos: number;
  endIndex = -1;
  /** The acknowledgement taken in last had an older edge: overtaken on its way. */
  olderEdge = false;
  /** Acknowledgements that only moved the edge. */
  windowUpdates = 0;

  // The receiver.
  hasRun = false;
  rxBase = 0;
  next = 0;
  expiresAt = -Infinity;
  readonly received: boolean[] = [];
  /** Of PDUs that come in segments: the 8-byte units that have not come. */
  readonly missing = new Map<number, Set<number>>();
  /** So many units have come so. */
  unitsTaken = 0;
  ended = false;
  /** An acknowledgement must have left by then, receiver's clock. */
  ackDueAt = Infinity;
  /** What the receiver said last. */
  saidAck = 0;
  saidEdge: number;
  saidLimitPos: number;
  /** The first byte that it could at most have withheld, had it granted whenever it could. */
  mostPos: number;
  /** It has something to say beyond that copies came. */
  hasNews = false;
  /** When its last bare acknowledgement left, receiver's clock. */
  bareAckAt = -Infinity;
  /** Its program has read since the last turn. */
  hasRead = false;
  /** The quickest any PDU came over, true time. */
  shortestUs = Infinity;
  /** Number of the last probe it took in without a run. */
  probeSeq: number | null = null;

  constructor(from: FrcpEnd, to: FrcpEnd, stream: number) {
    this.from = from;
    this.to = to;
    this.stream = stream;
    this.edge = this.saidEdge = from.params.windowPdus;
    this.limitPos = this.saidLimitPos = this.mostPos = from.params.windowFirstBytes;
  }

  get reliable(): boolean {
    return this.from.params.reliable;
  }

  /** User bytes before an index. */
  posOf(index: number): number {
    return index === 0 ? 0 : this.endPos[index - 1]!;
  }

  /** Messages whose last PDU is before an index. */
  sdusBefore(index: number): number {
    return index === 0 ? 0 : this.sdusThrough[index - 1]!;
  }

  /** Bytes of the first so many messages. */
  bytesOf(messages: number): number {
    return messages === 0 ? 0 : this.writtenThrough[messages - 1]!;
  }

  /** Messages written and, as far as the sender can know, not acknowledged. */
  get unackedSdus(): number {
    return this.written.length - this.sdusBefore(this.una);
  }

  /** The receiver's run lives, by its own clock. */
  runLives(at: number): boolean {
    return this.hasRun && (at < this.expiresAt || this.to.params.lowerReliable);
  }

  /** Messages that the receiver's FRCP has accepted. */
  get accepted(): number {
    return this.delivered + this.to.conn.readableSdus;
  }
}
