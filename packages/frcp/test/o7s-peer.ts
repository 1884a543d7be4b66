import {
  newO7sHeader,
  O7S_FLAG,
  O7S_HEADER_BYTES,
  readO7sHeader,
  writeO7sHeader,
} from '../src/o7s/header.ts';

const SECOND = 1_000_000;
const MS = 1_000;
const QUEUE = 256;
const START_WINDOW = 64;
const MPL = 5;
const A = 10;
const R = 120;
const RDV_US = 100 * MS;
const RDV_MAX_US = SECOND;
const ACK_DELAY_US = 10 * MS;
const TICK_US = 5 * MS;

const before = (a: number, b: number): boolean => ((a - b) | 0) < 0;

interface Copy {
  readonly seqno: number;
  readonly firstUs: number;
  readonly pdu: Uint8Array;
  dueUs: number;
}

/**
 * The C prototype's FRCP as its description has it, faults included: acknowledgement by reading, runs kept alive by
 * anything, timers in whole seconds, stale windows taken, numbers drawn anew. An oracle for tests; not a peer to copy.
 */
export class O7sPeer {
  readonly out: Uint8Array[] = [];
  isDown = false;
  /** Data dropped since no run was open or it lay outside the window. */
  refused = 0;
  redraws = 0;
  private readonly reliable: boolean;
  private readonly random: () => number;
  private readonly snd = { lwe: 0, rwe: START_WINDOW, seqno: 0, actUs: -1_000 * SECOND };
  private readonly rcv = { lwe: 0, rwe: 0, seqno: 0, actUs: -1_000 * SECOND };
  private readonly queue = new Map<number, Uint8Array>();
  private copies: Copy[] = [];
  private ackChecks: number[] = [];
  private closedSinceUs = -1;
  private rendezvousUs = -SECOND;
  private rtoUs = SECOND;
  private srttUs = 0;
  private mdevUs = 10 * MS;
  private probe: { readonly seqno: number; readonly sentUs: number } | null = null;

  constructor(reliable: boolean, random: () => number) {
    this.reliable = reliable;
    this.random = random;
  }

  get unacked(): number {
    return this.reliable ? (this.snd.seqno - this.snd.lwe) | 0 : 0;
  }

  /** A non-blocking write. */
  write(nowUs: number, sdu: Uint8Array): boolean {
    const { snd } = this;
    if (!before(snd.seqno, snd.rwe)) {
      this.askForWindow(nowUs);
      return false;
    }
    this.closedSinceUs = -1;
    this.send(nowUs, sdu);
    return true;
  }

  private askForWindow(nowUs: number): void {
    if (this.closedSinceUs < 0) this.closedSinceUs = nowUs;
    else if (nowUs - this.closedSinceUs <= RDV_MAX_US && nowUs - this.rendezvousUs > RDV_US) {
      this.rendezvousUs = nowUs;
      this.control(O7S_FLAG.RDVS, 0, 0);
    }
  }

  private send(nowUs: number, sdu: Uint8Array): void {
    const { snd, rcv } = this;
    const header = newO7sHeader();
    header.flags = O7S_FLAG.DATA | (snd.seqno === snd.lwe ? O7S_FLAG.DRF : 0);
    if (seconds(nowUs) - seconds(snd.actUs) > 3 * MPL + A + R + 1) {
      this.redraws++;
      snd.seqno = snd.lwe = this.random() | 0;
      snd.rwe = (snd.lwe + START_WINDOW) | 0;
    }
    header.seqno = snd.seqno;
    if (seconds(nowUs) - seconds(rcv.actUs) < 2 * MPL + A + R + 1) {
      header.flags |= O7S_FLAG.FC;
      header.window = rcv.rwe;
    }
    if (!this.reliable) snd.lwe = (snd.lwe + 1) | 0;
    else {
      this.probe ??= { seqno: snd.seqno, sentUs: nowUs };
      if (seconds(nowUs) - seconds(rcv.actUs) <= A) {
        header.flags |= O7S_FLAG.ACK;
        header.ackno = rcv.seqno = rcv.lwe;
      }
    }
    const pdu = new Uint8Array(O7S_HEADER_BYTES + sdu.length);
    writeO7sHeader(pdu, 0, header);
    pdu.set(sdu, O7S_HEADER_BYTES);
    if (this.reliable)
      this.copies.push({ seqno: snd.seqno, firstUs: nowUs, pdu, dueUs: nowUs + this.rtoUs + TICK_US });
    snd.seqno = (snd.seqno + 1) | 0;
    snd.actUs = nowUs;
    this.out.push(pdu.slice());
  }

  private control(flags: number, ackno: number, window: number): void {
    const pdu = new Uint8Array(O7S_HEADER_BYTES);
    writeO7sHeader(pdu, 0, { flags, window, seqno: 0, ackno });
    this.out.push(pdu);
  }

  read(): Uint8Array | null {
    const sdu = this.queue.get(this.rcv.lwe & (QUEUE - 1));
    if (sdu === undefined) return null;
    this.queue.delete(this.rcv.lwe & (QUEUE - 1));
    this.rcv.lwe = (this.rcv.lwe + 1) | 0;
    this.rcv.rwe = (this.rcv.rwe + 1) | 0;
    return sdu;
  }

  receive(nowUs: number, pdu: Uint8Array): void {
    const header = newO7sHeader();
    if (!readO7sHeader(pdu, 0, pdu.length, header)) return;
    const { rcv } = this;
    const { flags, seqno } = header;
    if (seconds(nowUs) - seconds(rcv.actUs) > 2 * MPL + A + R + 1) {
      if ((flags & O7S_FLAG.DRF) !== 0) {
        rcv.lwe = rcv.seqno = seqno;
        rcv.rwe = (seqno + QUEUE) | 0;
      } else if ((flags & O7S_FLAG.DATA) !== 0) {
        this.refused++;
        return;
      }
    }
    rcv.actUs = nowUs;
    if ((flags & O7S_FLAG.RDVS) !== 0) {
      this.control(O7S_FLAG.FC, 0, rcv.rwe);
      return;
    }
    if ((flags & O7S_FLAG.ACK) !== 0) this.onAck(nowUs, header.ackno);
    if ((flags & O7S_FLAG.FC) !== 0) this.onWindow(header.window);
    if ((flags & O7S_FLAG.DATA) !== 0 && this.accept(nowUs, seqno, pdu)) return;
    this.acknowledge(nowUs);
  }

  private accept(nowUs: number, seqno: number, pdu: Uint8Array): boolean {
    const { rcv } = this;
    if (before(seqno, rcv.lwe)) {
      rcv.seqno = seqno;
      return false;
    }
    if (this.reliable) {
      const isOutside = !before(seqno, rcv.rwe) || !before(seqno, (rcv.lwe + QUEUE) | 0);
      if (isOutside) this.refused++;
      if (isOutside || this.queue.has(seqno & (QUEUE - 1))) return false;
      this.ackChecks.push(nowUs + ACK_DELAY_US);
    } else rcv.lwe = seqno;
    this.queue.set(seqno & (QUEUE - 1), pdu.slice(O7S_HEADER_BYTES));
    return true;
  }

  private onAck(nowUs: number, ackno: number): void {
    if (before(this.snd.lwe, ackno)) this.snd.lwe = ackno;
    if (this.probe === null || !before(this.probe.seqno, ackno)) return;
    const sample = nowUs - this.probe.sentUs;
    const error = sample - this.srttUs;
    this.mdevUs = this.srttUs === 0 ? sample / 2 : this.mdevUs + (Math.abs(error) - this.mdevUs) / 4;
    this.srttUs = this.srttUs === 0 ? sample : this.srttUs + error / 8;
    this.rtoUs = Math.max(250, this.srttUs + 4 * this.mdevUs);
    this.probe = null;
  }

  private onWindow(window: number): void {
    const { snd } = this;
    let rwe = window | (snd.rwe & 0xff00_0000);
    if (before(rwe, snd.rwe) && (snd.rwe - rwe) >>> 0 > 0x007f_ffff) rwe = (rwe + 0x0100_0000) | 0;
    snd.rwe = rwe;
  }

  private acknowledge(nowUs: number): void {
    const { rcv, snd } = this;
    if (!before(rcv.seqno, rcv.lwe) || nowUs - rcv.actUs > A * SECOND) return;
    if (nowUs - snd.actUs < TICK_US) return;
    rcv.seqno = rcv.lwe;
    this.control(O7S_FLAG.ACK | O7S_FLAG.FC, rcv.lwe, rcv.rwe);
  }

  get nextUs(): number {
    return Math.min(Infinity, ...this.ackChecks, ...this.copies.map(({ dueUs }) => dueUs));
  }

  tick(nowUs: number): void {
    const due = this.ackChecks.filter((at) => at <= nowUs);
    this.ackChecks = this.ackChecks.filter((at) => at > nowUs);
    for (const _ of due) this.acknowledge(nowUs);
    this.copies = this.copies.filter((copy) => !before(copy.seqno, this.snd.lwe));
    for (const copy of this.copies) if (copy.dueUs <= nowUs) this.resend(nowUs, copy);
  }

  private resend(nowUs: number, copy: Copy): void {
    if (nowUs - copy.firstUs > R * SECOND) this.isDown = true;
    if (this.probe?.seqno === copy.seqno) {
      this.rtoUs *= 2;
      this.probe = null;
    }
    copy.dueUs = nowUs + this.rtoUs + TICK_US;
    const pdu = copy.pdu.slice();
    const header = newO7sHeader();
    readO7sHeader(pdu, 0, pdu.length, header);
    header.ackno = this.rcv.lwe;
    writeO7sHeader(pdu, 0, header);
    this.out.push(pdu);
  }
}

function seconds(us: number): number {
  return Math.floor(us / SECOND);
}
