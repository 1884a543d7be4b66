import type { FrcpEvent } from '@flowring/frcp';
import { FLAG, RANGE_BYTES, readI32, type Pci } from '../../packages/frcp/src/pci.ts';
import type { FrcpEnd } from './frcp-end.ts';
import type { FrcpWorld } from './frcp-world.ts';

/** Is told everything that happens, to print or draw it. */
export interface TraceSink {
  /** Before it leaves; `isLost`: no copy of it will arrive. */
  sent(world: FrcpWorld, from: FrcpEnd, pdu: Uint8Array, isLost: boolean): void;
  arrived(world: FrcpWorld, to: FrcpEnd, pdu: Uint8Array): void;
  event(world: FrcpWorld, end: FrcpEnd, event: FrcpEvent): void;
  note(world: FrcpWorld, text: string): void;
  /** Ready to be printed, from a world that is not a pair. */
  line(text: string): void;
}

const FLAG_NAMES = Object.entries(FLAG).filter(([name]) => name !== 'ACK');

/** A PDU in words; its number, acknowledgement and edge as they are on the wire. */
export function pduInWords(pdu: Uint8Array, pci: Readonly<Pci>): string {
  const names = FLAG_NAMES.filter(([, bit]) => (pci.flags & bit) !== 0).map(([name]) => name);
  const words = [names.length === 0 ? 'ack' : names.join('+')];
  if ((pci.flags & (FLAG.DATA | FLAG.RDVS | FLAG.RESET)) !== 0) words.push(`seq ${pci.seq >>> 0}`);
  if (pci.pduBytes > 0) words.push(`segment ${pci.segmentAt}/${pci.pduBytes}`);
  if ((pci.flags & FLAG.DATA) !== 0) words.push(`(${pci.dataEnd - pci.dataStart} B)`);
  if ((pci.flags & FLAG.ACK) !== 0)
    words.push(`ack ${pci.ack >>> 0} edge +${(pci.edge - pci.ack) | 0} credit ${pci.creditBytes}`);
  for (let n = 0; n < pci.sackRanges; n += 1) words.push(rangeInWords(pdu, pci, n));
  return words.join(' ');
}

/** `[from, to)`; of segments each with an offset. */
function rangeInWords(pdu: Uint8Array, pci: Readonly<Pci>, n: number): string {
  const at = pci.sackAt + n * pci.rangeBytes;
  const bounds = [at, at + pci.rangeBytes / 2].map((bound) =>
    pci.rangeBytes === RANGE_BYTES
      ? String(readI32(pdu, bound) >>> 0)
      : `${readI32(pdu, bound) >>> 0}+${readI32(pdu, bound + 4)}`,
  );
  return `[${bounds.join(', ')})`;
}

/** One line for everything that happens, to read. */
export class TextTrace implements TraceSink {
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  sent(world: FrcpWorld, from: FrcpEnd, pdu: Uint8Array, isLost: boolean): void {
    const words = pduInWords(pdu, world.checker.sentPci);
    this.#line(world, `${from.name} > ${from.peer.name} ${words}${isLost ? '  LOST' : ''}`);
  }

  arrived(world: FrcpWorld, to: FrcpEnd, pdu: Uint8Array): void {
    const pci = world.checker.peek(to, pdu);
    const why = !to.process.isAlive ? ' (dead)' : to.process.isStalled(world.nowUs) ? ' (waits)' : '';
    this.#line(world, `     ${to.name} < ${pci === null ? 'damaged' : pduInWords(pdu, pci)}${why}`);
  }

  event(world: FrcpWorld, end: FrcpEnd, event: FrcpEvent): void {
    const { type, ...rest } = event;
    this.#line(
      world,
      `     ${end.name} : ${type} ${Object.keys(rest).length > 0 ? JSON.stringify(rest) : ''}`,
    );
  }

  note(world: FrcpWorld, text: string): void {
    this.#line(world, `  -- ${text}`);
  }

  line(text: string): void {
    this.#print(text);
  }

  #line(world: FrcpWorld, text: string): void {
    this.#print(`${(world.nowUs / 1e6).toFixed(6).padStart(12)} ${text.trimEnd()}`);
  }
}
