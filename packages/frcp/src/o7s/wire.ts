import { CREDIT_MAX_BYTES, FLAG, type Pci } from '../pci.ts';
import type { SendWindow } from '../send-window.ts';
import type { Wire } from '../wire.ts';
import { newO7sHeader, O7S_FLAG, O7S_HEADER_BYTES, readO7sHeader, writeO7sHeader } from './header.ts';

const MEANT = O7S_FLAG.DATA | O7S_FLAG.DRF | O7S_FLAG.ACK | O7S_FLAG.FC | O7S_FLAG.RDVS;
/** Slots of the C receiver's queue: what it grants beyond the last packet its application read. */
const QUEUE_PDUS = 256;
/** Packets of its UDP layer over IPv4, behind the endpoint id; larger ones are cut at a C receiver. */
const PACKET_MAX_BYTES = 8_976;

const header = newO7sHeader();

/**
 * The FRCP header of the O7s C prototype (v0.23): 12 bytes, a 24-bit window edge in packets, no end, no reset.
 * docs/spec/frcp.md section 10 says what becomes of everything it lacks.
 */
export const O7S_WIRE: Wire = Object.freeze({
  name: 'o7s',
  headerBytes: O7S_HEADER_BYTES,
  payloadMaxBytes: PACKET_MAX_BYTES - O7S_HEADER_BYTES,
  startWindowPdus: 64,
  windowMaxPdus: QUEUE_PDUS,
  peerAUs: 10_000_000,
  timerMarginUs: 1_000_000,
  defaults: {
    mplUs: 5_000_000,
    rUs: 120_000_000,
    aUs: 15_000,
    mtuBytes: PACKET_MAX_BYTES,
    windowPdus: QUEUE_PDUS,
  },
  decode,
  encode,
});

//= R-FRCP-91
function decode(buf: Uint8Array, start: number, end: number, pci: Pci, sent: SendWindow | null): boolean {
  if (!readO7sHeader(buf, start, end, header)) return false;
  const { flags } = header;
  if ((flags & MEANT) === 0) return false;
  pci.flags = flags & (O7S_FLAG.DATA | O7S_FLAG.DRF);
  pci.seq = header.seqno;
  pci.ack = pci.edge = pci.creditBytes = pci.sackRanges = pci.pduBytes = 0;
  pci.time = pci.echo = 0;
  pci.timed = pci.asks = false;
  pci.dataStart = start + O7S_HEADER_BYTES;
  pci.dataEnd = end;
  if ((flags & O7S_FLAG.DATA) !== 0) pci.flags |= FLAG.FIRST | FLAG.LAST;
  else if ((flags & O7S_FLAG.RDVS) !== 0) pci.flags |= FLAG.RDVS;
  // What is said of numbers we never sent is noise: C says it when it has seen none.
  if (sent !== null && (flags & (O7S_FLAG.ACK | O7S_FLAG.FC)) !== 0) readWindow(flags, pci, sent);
  return true;
}

/** An acknowledgement and a window, each as before where the header does not say it. */
function readWindow(flags: number, pci: Pci, sent: SendWindow): void {
  pci.flags |= FLAG.ACK;
  pci.ack = (flags & O7S_FLAG.ACK) !== 0 ? header.ackno : (sent.una + sent.base) | 0;
  pci.edge = (sent.edge + sent.base) | 0;
  pci.creditBytes = CREDIT_MAX_BYTES;
  if ((flags & O7S_FLAG.FC) === 0) return;
  const ahead = ((header.window - pci.edge) << 8) >> 8;
  const beyondSent = (sent.edge + ahead - sent.nxt) | 0;
  if (ahead > 0 && beyondSent <= QUEUE_PDUS) pci.edge = (pci.edge + ahead) | 0;
}

//= R-FRCP-92
function encode(out: Uint8Array, at: number, pci: Pci): number {
  const { flags } = pci;
  const hasWindow = (flags & FLAG.ACK) !== 0;
  const hasAck = hasWindow && (flags & FLAG.WINDOW_ONLY) === 0;
  header.flags =
    (flags & (FLAG.DATA | FLAG.DRF)) |
    (hasAck ? O7S_FLAG.ACK : 0) |
    (hasWindow ? O7S_FLAG.FC : 0) |
    ((flags & FLAG.RDVS) !== 0 ? O7S_FLAG.RDVS : 0);
  header.window = hasWindow ? pci.edge : 0;
  header.seqno = pci.seq;
  header.ackno = hasAck ? pci.ack : 0;
  return writeO7sHeader(out, at, header);
}
