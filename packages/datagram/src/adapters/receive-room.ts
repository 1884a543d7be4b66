import type { UdpCounters, UdpEvents } from '../datagram.ts';
import * as C from './constants.ts';
import type { Libc } from './libc.ts';
import { MessageHeaders } from './message-headers.ts';
import type { NativePeer, Sockaddrs } from './sockaddr.ts';
import { NOBODY } from './sockaddr.ts';

/** Most messages of one call, and fewest asked for. */
const MESSAGES = 16;
const MESSAGES_MIN = 2;
/** Bytes that one call should not give much more of. */
const CALL_BYTES = 131_072;
/** The largest message there is, coalesced or not, and more than that for none. */
const MESSAGE_BYTES = 65_536;
/** `CMSG_SPACE(sizeof(int))` of UDP_GRO, and room for another. */
const CONTROL_BYTES = 64;
const GRO_CMSG_LENGTH = 20;

/** Where the kernel puts what arrives, and which of it was not delivered yet. */
export class ReceiveRoom {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #sockaddrs: Sockaddrs;
  readonly #counters: UdpCounters;
  readonly #bytes = Buffer.allocUnsafeSlow(MESSAGES * MESSAGE_BYTES);
  readonly #headers: MessageHeaders;
  /** The last call gave as much as was asked for, so the kernel may have more. */
  wasFull = false;
  /** What lies here stays for now. */
  isPaused = false;
  #messages = 0;
  #next = 0;
  /** Messages the last call asked for. */
  #asked = MESSAGES_MIN;
  /** What is left of the message before `next`. */
  #at = 0;
  #end = 0;
  #segmentBytes = 0;
  #from: NativePeer = NOBODY;

  constructor(libc: Libc, fd: number, sockaddrs: Sockaddrs, counters: UdpCounters) {
    this.#libc = libc;
    this.#fd = fd;
    this.#sockaddrs = sockaddrs;
    this.#counters = counters;
    this.#headers = new MessageHeaders(libc, MESSAGES, CONTROL_BYTES);
    const address = libc.addressOf(this.#bytes);
    for (let index = 0; index < MESSAGES; index++) {
      this.#headers.setBytes(index, address + index * MESSAGE_BYTES, MESSAGE_BYTES);
      this.#headers.offerRoom(index);
    }
  }

  get isEmpty(): boolean {
    return this.#at === this.#end && this.#next === this.#messages;
  }

  /** Takes what has arrived. How many bytes, or an errno, negative. Only when empty. */
  fill(): number {
    for (let index = 0; index < this.#messages; index++) this.#headers.offerRoom(index);
    this.#messages = this.#next = 0;
    const asked = this.#asked;
    const received = this.#libc.recvmmsg(this.#fd, this.#headers.address, asked, C.MSG_DONTWAIT, 0);
    this.wasFull = received === asked;
    if (received === -1) return -this.#libc.errno();
    this.#messages = received;
    this.#counters.receivedMessages += received;
    const bytes = this.#receivedBytes();
    // Many small messages are cheaper in one call; of large ones a call would give more than anybody has room for.
    if (bytes > CALL_BYTES) this.#asked = Math.max(MESSAGES_MIN, asked >> 1);
    else if (this.wasFull) this.#asked = Math.min(MESSAGES, asked << 1);
    return bytes;
  }

  /** Delivers all of it, if not paused or discarded meanwhile. What that or an exception leaves can be delivered later. */
  deliver(events: UdpEvents): void {
    const bytes = this.#bytes;
    while (!this.isPaused && (this.#at < this.#end || this.#begin())) {
      const start = this.#at;
      const isRun = events.onReceiveRun !== undefined && start + this.#segmentBytes < this.#end;
      const end = isRun ? this.#end : Math.min(start + this.#segmentBytes, this.#end);
      this.#at = end;
      this.#counters.received += isRun ? Math.ceil((end - start) / this.#segmentBytes) : 1;
      if (isRun) events.onReceiveRun!(bytes, start, end, this.#from, this.#segmentBytes);
      else events.onReceive(bytes, start, end, this.#from);
    }
  }

  discard(): void {
    this.#messages = this.#next = this.#at = this.#end = 0;
  }

  #receivedBytes(): number {
    const { words } = this.#headers;
    let bytes = 0;
    for (let index = 0; index < this.#messages; index++) {
      bytes += words[this.#headers.headerWord(index) + C.MMSGHDR_WORD.length]!;
    }
    return bytes;
  }

  /** Looks at the next message that holds anything; false: there is none. */
  #begin(): boolean {
    const { words } = this.#headers;
    while (this.#next < this.#messages) {
      const index = this.#next++;
      const header = this.#headers.headerWord(index);
      const length = words[header + C.MMSGHDR_WORD.length]!;
      const from = this.#sockaddrs.peerAt(words, this.#headers.nameWord(index));
      const isCut = (words[header + C.MMSGHDR_WORD.flags]! & C.MSG_TRUNC) !== 0;
      if (isCut) this.#counters.truncated++;
      // Nobody can be answered at port 0: it is forged.
      if (isCut || length === 0 || from.port === 0) continue;
      this.#at = index * MESSAGE_BYTES;
      this.#end = this.#at + length;
      this.#segmentBytes = this.#segment(index) || length;
      this.#from = from;
      return true;
    }
    return false;
  }

  /** Bytes of each datagram of a coalesced message; 0 of one that is not. */
  #segment(index: number): number {
    const { words } = this.#headers;
    const given = words[this.#headers.headerWord(index) + C.MMSGHDR_WORD.controlBytes]!;
    const at = this.#headers.controlWord(index);
    const isGro = words[at + 2] === C.SOL_UDP && words[at + 3] === C.UDP_GRO;
    return given >= GRO_CMSG_LENGTH && isGro ? words[at + 4]! : 0;
  }
}
