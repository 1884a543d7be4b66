import {
  FrcpConnection,
  resolveParams,
  type FrcpEvent,
  type FrcpParams,
} from '../../../packages/frcp/src/index.ts';
import {
  decodePci,
  encodePci,
  FLAG,
  newPci,
  sealTrailer,
  SEGMENT_RANGE_BYTES,
  TRAILER_BYTES,
  writeI32,
  type Pci,
} from '../../../packages/frcp/src/pci.ts';
import { crc32 } from '../../../packages/frcp/src/crc32.ts';
import { demand, InputReader, type FuzzTarget } from '../engine/target.ts';

const UNIT_BYTES = 8;
const MTU_BYTES = 128;
const SDU_MAX_BYTES = 2_000;
const WINDOW_PDUS = 16;
const WINDOW_BYTES = 4_096;
/** Where the peer's numbers begin, and ours: near the ends of both halves of the circle. */
const PEER_FIRST = 0x7fff_fff0;
const OWN_FIRST = 0xffff_fff4;
/** More than any PDUs that one input can cause. */
const TRANSMISSIONS_MAX = 5_000;
const TIMEOUTS_MAX = 20_000;
const STEPS_US = [
  0, 1, 1_000, 10_000, 50_000, 200_000, 1_000_000, 11_000_000, 31_000_000, 70_000_000, 140_000_000,
];

const KINDS: readonly Partial<FrcpParams>[] = [
  {},
  { integrity: true },
  { reliable: false },
  { reliable: false, integrity: true },
  { lowerReliable: true },
  { lowerReliable: true, movable: true },
  { reliable: false, lowerReliable: true },
  { windowPdus: 4 },
  { stream: true },
  { stream: true, lowerReliable: true },
  { timestamps: true },
  { timestamps: true, stream: true, integrity: true },
];

/** One connection whose peer says whatever the input wants. */
class Victim {
  readonly params: FrcpParams;
  readonly conn: FrcpConnection;
  readonly #reader: InputReader;
  readonly #out = new Uint8Array(512);
  readonly #seen = new Set<FrcpEvent['type']>();
  #now = 0;
  #mtuBytes = MTU_BYTES;
  /** What it said last: acknowledgement and edge must not go back while the peer's run lasts. */
  #lastAck: number | null = null;
  #lastEdge = 0;
  #runsOpened = 0;

  constructor(reader: InputReader) {
    this.#reader = reader;
    this.params = resolveParams({
      randomU32: () => OWN_FIRST,
      mtuBytes: MTU_BYTES,
      sduMaxBytes: SDU_MAX_BYTES,
      windowPdus: WINDOW_PDUS,
      windowBytes: WINDOW_BYTES,
      ...KINDS[reader.below(KINDS.length)],
    });
    this.conn = new FrcpConnection(this.params, 0);
    reader.take(UNIT_BYTES - 1);
  }

  step(): void {
    const { conn } = this;
    const unit = new InputReader(this.#reader.take(UNIT_BYTES));
    const op = unit.u8() % 16;
    if (op < 7) this.#receive(this.#pdu(op, unit));
    else if (op === 7) this.#receive(this.#reader.take(unit.u8() % 48));
    else if (op < 10) conn.write(this.#now, new Uint8Array(op === 8 ? unit.u8() : unit.u16() % 2_100));
    else if (op === 10) this.#read(unit);
    else if (op === 11) this.#pass(STEPS_US[unit.below(STEPS_US.length)]!);
    else if (op === 12) this.#pass(unit.u16());
    else if (op === 13) conn.close(this.#now);
    else if (op === 14) this.#rare(unit);
    else this.#passTo(conn.nextTimeout() ?? this.#now);
    this.#settle();
  }

  /** Ends the flow; nothing must be left of it. */
  end(): void {
    this.conn.abort(this.#now);
    this.#settle();
    for (let n = 0; n < 4 && !this.#seen.has('drained'); n++) this.#pass(1_000_000_000);
    demand(this.#seen.has('drained'), 'never drains');
    this.#receive(this.#pdu(0, new InputReader(new Uint8Array(0))));
    this.#settle();
    demand(this.conn.nextTimeout() === null, 'a timer after the end');
  }

  #read(unit: InputReader): void {
    const { conn } = this;
    const how = unit.u8() % 3;
    const most = unit.u8();
    for (let n = unit.u8(); n > 0; n--) {
      const before = conn.readableSdus;
      if (how === 2) {
        const bytes = conn.readInto(this.#out, 0, most);
        demand(bytes <= most, 'reads more than asked for');
        if (bytes < 0) break;
      } else {
        const part = conn.read(how === 1 ? most : undefined);
        if (part === null) break;
        demand(how === 0 || part.length <= most, 'reads more than asked for');
      }
      demand(conn.readableSdus <= before, 'reading makes SDUs');
    }
  }

  #rare(unit: InputReader): void {
    const { conn } = this;
    const what = unit.u8() % 4;
    if (what === 0) conn.abort(this.#now);
    else if (what === 1) conn.compact();
    else if (what === 2) {
      this.#mtuBytes = unit.pick([MTU_BYTES, 64, 56, 48]);
      const mplUs = unit.pick([0, 1_000_000, 3_000_000, -1]);
      if (mplUs < 0) conn.changeMtu(this.#now, this.#mtuBytes);
      else conn.moveLower(this.#now, { mtuBytes: this.#mtuBytes, mplUs });
    } else {
      const bytes = unit.u8();
      const size = conn.passingBytes(this.#now, bytes);
      if (size === 0) return;
      const n = conn.pass(this.#now, new Uint8Array(bytes), this.#out, 0);
      demand(n === size, 'a passing SDU has another size');
      this.#heard(n);
    }
  }

  /** A PDU made of numbers near those the connection expects. */
  #pdu(op: number, unit: InputReader): Uint8Array {
    const { integrity } = this.params;
    const pci = newPci();
    const at = this.#numbers();
    const flags = unit.u8();
    pci.flags = [
      FLAG.DATA | flags,
      FLAG.DATA | flags,
      FLAG.DATA | 0x37,
      FLAG.ACK,
      FLAG.ACK,
      FLAG.RDVS | flags,
      FLAG.RESET | flags,
    ][op]!;
    pci.seq = (at.expected + unit.i8()) | 0;
    pci.ack = (at.unacked + unit.i8()) | 0;
    pci.edge = (pci.ack + (unit.i8() << (flags & 8))) | 0;
    pci.creditBytes = unit.u8() << 8;
    if (op === 3) pci.sackRanges = 1 + (flags & 3);
    if ((flags & 4) !== 0) pci.rangeBytes = SEGMENT_RANGE_BYTES;
    pci.timed = this.params.timestamps || (flags & 0x80) !== 0;
    pci.asks = op < 3 && (flags & 0x08) !== 0;
    pci.time = flags << 9;
    pci.echo = (at.now - (flags << 9)) | 0;
    if (op === 1) this.#cut(pci, unit.u8());
    const buf = new Uint8Array(256 + 40);
    let end = encodePci(buf, 0, pci);
    for (let n = 0, i = 0; n < pci.sackRanges * 2; n++) {
      i += unit.i8();
      writeI32(buf, end, (pci.ack + i) | 0);
      if (pci.rangeBytes === SEGMENT_RANGE_BYTES) writeI32(buf, end + 4, (i & 7) * 8);
      end += pci.rangeBytes >>> 1;
    }
    if (op < 3) end += op === 1 ? 1 + (flags & 0x40) + (flags & 7) : unit.u8() & 0x7f;
    if (integrity) end += sealTrailer(buf, 0, end, crc32) - end;
    return buf.subarray(0, end);
  }

  /** Makes it a segment. */
  #cut(pci: Pci, how: number): void {
    pci.pduBytes = [40, 96, 100, 1_000, 3_000][how % 5]!;
    pci.segmentAt = (how >> 3) * 8;
  }

  #numbers(): { expected: number; unacked: number; now: number } {
    const { send, receive } = this.conn.inspect() as {
      send: { nextSeq: number; inFlightPdus: number } | null;
      receive: { nextSeq: number } | null;
    };
    return {
      now: this.#now,
      expected: receive === null ? PEER_FIRST : receive.nextSeq,
      unacked: send === null ? OWN_FIRST : send.nextSeq - send.inFlightPdus,
    };
  }

  #receive(pdu: Uint8Array): void {
    this.conn.handlePdu(this.#now, pdu, 0, pdu.length);
  }

  #pass(forUs: number): void {
    const until = this.#now + forUs;
    for (let n = 0; ; n++) {
      const at = this.conn.nextTimeout();
      if (at === null || at > until) break;
      demand(n < TIMEOUTS_MAX, 'timers fire without end');
      this.#passTo(at);
      this.#settle();
    }
    this.#now = until;
  }

  #passTo(at: number): void {
    this.#now = Math.max(this.#now, at);
    this.conn.handleTimeout(this.#now);
    const next = this.conn.nextTimeout();
    demand(next === null || next > this.#now, 'a timer that has fired is still due');
  }

  /** What a driver does after each input, with what must hold then. */
  #settle(): void {
    for (let n = 0; ; n++) {
      demand(n < TRANSMISSIONS_MAX, 'transmits without end');
      const length = this.conn.pollTransmit(this.#now, this.#out, 0);
      if (length === 0) break;
      this.#heard(length);
    }
    for (let event = this.conn.pollEvent(); event !== null; event = this.conn.pollEvent()) this.#told(event);
    this.#check();
  }

  #told(event: FrcpEvent): void {
    const { type } = event;
    const isFinal = type !== 'readable' && type !== 'writable';
    demand(!(isFinal && this.#seen.has(type)), `${type} is told twice`);
    demand(!this.#seen.has('drained'), `${type} after drained`);
    demand(type !== 'down' || !this.#seen.has('closed'), 'down after closed');
    demand(type !== 'closed' || !this.#seen.has('down'), 'closed after down');
    this.#seen.add(type);
  }

  /** A PDU of `length` bytes was transmitted. */
  #heard(length: number): void {
    demand(length <= this.#mtuBytes, 'a PDU over the MTU');
    const pci = newPci();
    const end = this.params.integrity ? length - TRAILER_BYTES : length;
    demand(decodePci(this.#out, 0, end, pci), 'transmits what is no PDU');
    if ((pci.flags & FLAG.ACK) === 0) {
      demand(
        pci.ack === 0 && pci.edge === 0 && pci.creditBytes === 0,
        'fields of an acknowledgement without one',
      );
      return;
    }
    const { runsOpened } = this.conn.stats;
    if (runsOpened === 0 || (pci.flags & (FLAG.DATA | FLAG.RDVS)) === 0) return;
    if (this.#lastAck !== null && this.#runsOpened === runsOpened) {
      demand(((pci.ack - this.#lastAck) | 0) >= 0, 'an acknowledgement goes back');
      demand(((pci.edge - this.#lastEdge) | 0) >= 0, 'a window edge goes back');
    }
    this.#lastAck = pci.ack;
    this.#lastEdge = pci.edge;
    this.#runsOpened = runsOpened;
  }

  #check(): void {
    const { conn, params } = this;
    demand(conn.readableSdus <= params.windowPdus, 'more readable SDUs than the window');
    // On a stream they count PDUs.
    const written = params.stream ? Infinity : conn.stats.sdusWritten;
    demand(conn.unackedSdus >= 0 && conn.unackedSdus <= written, 'counts more SDUs than written');
    const { send, receive } = conn.inspect() as {
      send: Record<string, number> | null;
      receive: Record<string, number> | null;
    };
    if (receive !== null) {
      demand(
        receive['heldBytes']! <= params.windowBytes + params.sduMaxBytes,
        'holds more bytes than the window',
      );
      // END may lie on the edge; without retransmission there is no window.
      const least = receive['ended'] ? -1 : 0;
      demand(!params.reliable || receive['windowPdus']! >= least, 'grants less than it accepted');
    }
    if (send === null) return;
    demand(
      send['lostPdus']! >= 0 && send['lostPdus']! <= (send['inFlightPieces'] ?? send['inFlightPdus']!),
      'counts more lost than sent',
    );
    demand(send['inFlightPdus']! <= send['queuedPdus']!, 'more in flight than queued');
    demand(send['queuedBytes']! >= 0, 'negative bytes queued');
    const most = params.windowBytes + params.sduMaxBytes;
    demand(send['queuedBytes']! <= most, 'queues more bytes than the send buffer');
    demand(send['ringBytes']! <= 16 * most, 'buffers more than their bound');
  }
}

const DATA_OP = [2, 0, 0, 0, 0, 0, 10, 30];
export const target: FuzzTarget = {
  name: 'frcp-hostile',
  about:
    'an FRCP connection whose peer says anything: nothing throws, spins, grows or goes back; it can always end',
  maxBytes: 64 * UNIT_BYTES,
  unitBytes: UNIT_BYTES,
  seeds: [
    Uint8Array.from([
      ...[0, 0, 0, 0, 0, 0, 0, 0],
      ...DATA_OP,
      ...[8, 40, 0, 0, 0, 0, 0, 0],
      ...[4, 0, 0, 1, 16, 16, 0, 0],
      ...[10, 2, 0, 0, 0, 0, 0, 0],
      ...[2, 0, 1, 0, 0, 0, 10, 30],
      ...[5, 2, 0, 0, 0, 0, 0, 0],
      ...[9, 1, 0, 0, 0, 0, 0, 0],
      ...[11, 5, 0, 0, 0, 0, 0, 0],
      ...[13, 0, 0, 0, 0, 0, 0, 0],
      ...[15, 0, 0, 0, 0, 0, 0, 0],
      ...[6, 4, 0, 0, 0, 0, 0, 0],
    ]),
  ],
  run(input) {
    const reader = new InputReader(input);
    const victim = new Victim(reader);
    while (!reader.isAtEnd) victim.step();
    victim.end();
  },
};
