import { crc32 } from '../../src/crc32.ts';
import type { FrcpParams } from '../../src/index.ts';
import {
  decodePci,
  encodePci,
  FLAG,
  newPci,
  openTrailer,
  RANGE_BYTES,
  readI32,
  sealTrailer,
} from '../../src/pci.ts';
import { writeI32, type Pci } from '../../src/pci.ts';
import { quantity, ScriptError } from './script-text.ts';

/** A packet as scripts write it. Fields that are absent are not on the wire, or, when expected, not compared. */
export interface Packet {
  readonly kind: string;
  readonly isDrf: boolean;
  readonly fields: ReadonlyMap<string, string>;
  /** `"text"` or `100B`. */
  readonly payload: string | null;
}

const KINDS: Readonly<Record<string, number>> = {
  DATA: FLAG.DATA | FLAG.FIRST | FLAG.LAST,
  'DATA.first': FLAG.DATA | FLAG.FIRST,
  'DATA.mid': FLAG.DATA,
  'DATA.last': FLAG.DATA | FLAG.LAST,
  END: FLAG.DATA | FLAG.END,
  ACK: FLAG.ACK,
  RDVS: FLAG.RDVS,
  RESET: FLAG.RESET,
};
const FIELDS = new Set(['seq', 'ack', 'edge', 'credit', 'sack', 'seg', 'times', 'crc']);

export function parsePacket(words: readonly string[]): Packet {
  const kind = words[0] ?? '';
  if (KINDS[kind] === undefined) throw new ScriptError(`${kind} is no kind of packet`);
  const fields = new Map<string, string>();
  let isDrf = false;
  let payload: string | null = null;
  for (const word of words.slice(1)) {
    const at = word.indexOf('=');
    if (word === 'DRF') isDrf = true;
    else if (word.startsWith('"') || /^\d+B$/.test(word)) payload = word;
    else if (at > 0 && FIELDS.has(word.slice(0, at))) fields.set(word.slice(0, at), word.slice(at + 1));
    else throw new ScriptError(`${word} is no field of a packet`);
  }
  return { kind, isDrf, fields, payload };
}

/** The bytes of `"text"` or `100B`. Those of a size count up, so that a fragment in the wrong place shows. */
export function bytesOf(payload: string): Uint8Array {
  if (payload.startsWith('"')) return new TextEncoder().encode(payload.slice(1, -1));
  return new Uint8Array(Number(payload.slice(0, -1))).map((_, i) => i + (i >>> 8));
}

function textOf(bytes: Uint8Array): string {
  const printable = bytes.every((byte) => byte >= 0x20 && byte < 0x7f && byte !== 0x22);
  return printable && bytes.length <= 40 ? `"${new TextDecoder().decode(bytes)}"` : `${bytes.length}B`;
}

/** One packet for each number of `seq=5000..5003`, or `times=3` copies; else one. */
export function expand(packet: Packet): Packet[] {
  const times = Number(packet.fields.get('times') ?? 1);
  const [from, to] = (packet.fields.get('seq') ?? '').split('..');
  if (to === undefined) return new Array<Packet>(times).fill(packet);
  const count = ((Number(to) - Number(from)) | 0) + 1;
  return Array.from({ length: count }, (_, i) => ({
    ...packet,
    fields: new Map(packet.fields).set('seq', String((Number(from) + i) >>> 0)),
  }));
}

/** The PDU of a packet the script sends. What it leaves out is a wide open window. */
export function encode(packet: Packet, params: FrcpParams): Uint8Array {
  const { fields } = packet;
  const pci = newPci();
  const hasAck = fields.has('ack');
  pci.flags = KINDS[packet.kind]! | (packet.isDrf ? FLAG.DRF : 0) | (hasAck ? FLAG.ACK : 0);
  pci.seq = Number(fields.get('seq') ?? 0) | 0;
  pci.ack = Number(fields.get('ack') ?? 0) | 0;
  pci.edge = hasAck ? edgeOf(fields.get('edge') ?? `+${params.windowPdus}`, pci.ack) : 0;
  pci.creditBytes = hasAck ? quantity(fields.get('credit') ?? String(params.windowBytes)) : 0;
  const ranges = rangesOf(fields.get('sack'));
  pci.sackRanges = ranges.length;
  pci.rangeBytes = ranges.length === 0 ? RANGE_BYTES : ranges[0]!.length * 4;
  const [segmentAt, pduBytes] = (fields.get('seg') ?? '0/0').split('/').map(Number);
  pci.segmentAt = segmentAt!;
  pci.pduBytes = pduBytes!;
  const data = packet.payload === null ? new Uint8Array(0) : bytesOf(packet.payload);
  const out = new Uint8Array(64 + data.length + ranges.length * pci.rangeBytes);
  let end = encodePci(out, 0, pci);
  for (const word of ranges.flat()) {
    writeI32(out, end, word);
    end += 4;
  }
  out.set(data, end);
  end += data.length;
  if (params.integrity) end = sealTrailer(out, 0, end, crc32);
  if (fields.get('crc') === 'wrong') out[end - 1]! ^= 1;
  return out.slice(0, end);
}

function edgeOf(text: string, ack: number): number {
  return (text.startsWith('+') ? ack + Number(text.slice(1)) : Number(text)) | 0;
}

/** `1002-1004`: two numbers. `1002+0-1003+96`: two numbers, each with an offset behind it. */
function rangesOf(text: string | undefined): number[][] {
  if (text === undefined) return [];
  return text.split(',').map((range) => range.split(/[-+]/).map((word) => Number(word) | 0));
}

function rangesIn(pdu: Uint8Array, pci: Pci): string {
  return Array.from({ length: pci.sackRanges }, (_, n) => {
    const at = pci.sackAt + n * pci.rangeBytes;
    const bounds = [at, at + pci.rangeBytes / 2].map((bound) => {
      const number = String(readI32(pdu, bound) >>> 0);
      return pci.rangeBytes === RANGE_BYTES ? number : `${number}+${readI32(pdu, bound + 4)}`;
    });
    return bounds.join('-');
  }).join(',');
}

/** A PDU the machine sent, decoded, beside its bytes. */
export interface Seen {
  readonly pci: Pci;
  readonly data: Uint8Array;
  readonly ranges: string;
}

/** Throws if the machine sent what is no PDU. */
export function decode(pdu: Uint8Array, params: FrcpParams): Seen {
  const pci = newPci();
  const valid = params.integrity
    ? openTrailer(pdu, 0, pdu.length, pci, crc32)
    : decodePci(pdu, 0, pdu.length, pci);
  if (!valid) throw new ScriptError(`the machine sent what is no PDU: ${String(pdu)}`);
  const data = (pci.flags & FLAG.DATA) === 0 ? new Uint8Array(0) : pdu.slice(pci.dataStart, pci.dataEnd);
  return { pci, data, ranges: rangesIn(pdu, pci) };
}

function kindOf(flags: number): string {
  const shape = flags & ~(FLAG.DRF | (flags === FLAG.ACK ? 0 : FLAG.ACK));
  return Object.entries(KINDS).find(([, bits]) => bits === shape)?.[0] ?? `flags ${flags.toString(16)}`;
}

function segmentOf(pci: Pci): string {
  return pci.pduBytes === 0 ? '' : `${pci.segmentAt}/${pci.pduBytes}`;
}

/** A PDU in the words of a script. */
export function describe(seen: Seen): string {
  const { pci, data, ranges } = seen;
  const kind = kindOf(pci.flags);
  const words = [kind];
  if ((pci.flags & FLAG.DRF) !== 0) words.push('DRF');
  if (kind !== 'ACK') words.push(`seq=${pci.seq >>> 0}`);
  if ((pci.flags & FLAG.ACK) !== 0)
    words.push(`ack=${pci.ack >>> 0} edge=+${(pci.edge - pci.ack) | 0} credit=${pci.creditBytes}`);
  if (pci.pduBytes > 0) words.push(`seg=${segmentOf(pci)}`);
  if (ranges !== '') words.push(`sack=${ranges}`);
  if (kind.startsWith('DATA')) words.push(textOf(data));
  return words.join(' ');
}

/** What of `wanted` a PDU does not fulfil; empty if it is the one. */
export function differences(wanted: Packet, seen: Seen): string[] {
  const { pci, data, ranges } = seen;
  const found: string[] = [];
  const compare = (name: string, want: unknown, got: unknown): void => {
    if (want !== got) found.push(`${name}: expected ${String(want)}, got ${String(got)}`);
  };
  const { fields } = wanted;
  compare('kind', wanted.kind, kindOf(pci.flags));
  compare('DRF', wanted.isDrf, (pci.flags & FLAG.DRF) !== 0);
  compare('ack given', fields.has('ack'), (pci.flags & FLAG.ACK) !== 0);
  const ack = fields.get('ack');
  if (ack !== undefined && ack !== '*') compare('ack', Number(ack), pci.ack >>> 0);
  const seq = fields.get('seq');
  if (seq !== undefined && seq !== '*') compare('seq', Number(seq), pci.seq >>> 0);
  const edge = fields.get('edge');
  if (edge !== undefined && edge !== '*') compare('edge', edgeOf(edge, pci.ack) >>> 0, pci.edge >>> 0);
  const credit = fields.get('credit');
  if (credit !== undefined && credit !== '*') compare('credit', quantity(credit), pci.creditBytes);
  compare('seg', fields.get('seg') ?? '', segmentOf(pci));
  if (fields.get('sack') !== '*') compare('sack', fields.get('sack') ?? '', ranges);
  if (wanted.payload !== null) compare('data', String(bytesOf(wanted.payload)), String(data));
  return found;
}
