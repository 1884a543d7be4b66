import type { Run, SendBatch } from '../core/send-batch.ts';
import { BATCH_RUNS_MAX } from '../core/send-batch.ts';
import * as C from './constants.ts';
import type { Libc } from './libc.ts';
import { MessageHeaders } from './message-headers.ts';
import type { NativePeer } from './sockaddr.ts';

/** `CMSG_SPACE(sizeof(uint16_t))` and `CMSG_LEN` of it. */
const SEGMENT_CMSG_BYTES = 24;
const SEGMENT_CMSG_LENGTH = 18;

/** The kernel's view of a batch: a message header for each run. */
export class SendRoom {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #headers: MessageHeaders;
  readonly #outgoingAddress: number;

  constructor(libc: Libc, fd: number, outgoing: Buffer) {
    this.#libc = libc;
    this.#fd = fd;
    this.#outgoingAddress = libc.addressOf(outgoing);
    this.#headers = new MessageHeaders(libc, BATCH_RUNS_MAX, SEGMENT_CMSG_BYTES);
    const { words } = this.#headers;
    for (let index = 0; index < BATCH_RUNS_MAX; index++) {
      const at = this.#headers.controlWord(index);
      words[at] = SEGMENT_CMSG_LENGTH;
      words[at + 2] = C.SOL_UDP;
      words[at + 3] = C.UDP_SEGMENT;
    }
  }

  /** Gives the batch's runs to the kernel. How many it took, at least 1; or an errno, negative, of the first. */
  send(batch: SendBatch<NativePeer>): number {
    const { runs } = batch;
    for (let index = 0; index < runs; index++) {
      const run = batch.run(index);
      this.#set(index, run, run.end - run.start);
    }
    return this.#call(runs);
  }

  /** Gives only the first run's first datagram to the kernel: 1, or an errno, negative. */
  sendFirst(batch: SendBatch<NativePeer>): number {
    const run = batch.run(0);
    this.#set(0, run, Math.min(run.segmentBytes, run.end - run.start));
    return this.#call(1);
  }

  #set(index: number, run: Run<NativePeer>, bytes: number): void {
    const headers = this.#headers;
    const { words } = headers;
    const name = headers.nameWord(index);
    const { words: to } = run.to;
    for (let word = 0; word < to.length; word++) words[name + word] = to[word]!;
    headers.setBytes(index, this.#outgoingAddress + run.start, bytes);
    const at = headers.headerWord(index);
    words[at + C.MMSGHDR_WORD.nameBytes] = to.length * 4;
    const isSegmented = bytes > run.segmentBytes;
    words[at + C.MMSGHDR_WORD.controlBytes] = isSegmented ? SEGMENT_CMSG_BYTES : 0;
    if (isSegmented) words[headers.controlWord(index) + 4] = run.segmentBytes;
  }

  #call(count: number): number {
    const sent = this.#libc.sendmmsg(this.#fd, this.#headers.address, count, C.MSG_DONTWAIT);
    return sent === -1 ? -this.#libc.errno() : sent;
  }
}
