import os from 'node:os';
import type { UdpAddress, UdpError } from '../datagram.ts';
import { codeOfErrno } from './common.ts';
import * as C from './constants.ts';
import type { Libc } from './libc.ts';
import { MessageHeaders } from './message-headers.ts';
import type { NativeSocket } from './native-socket.ts';
import type { NativePeer, Sockaddrs } from './sockaddr.ts';

const CONTROL_BYTES = 256;
/** Of a datagram that came back we keep nothing. */
const PAYLOAD_BYTES = 16;
const CMSG_HEADER_WORDS = 4;
/** `sock_extended_err.ee_origin`: the error is of this host's own. */
const ORIGIN_LOCAL = 1;
const { EMSGSIZE } = os.constants.errno;

/** What the kernel keeps of errors of datagrams sent earlier: ICMP messages, and its own refusals. */
export class ErrorQueue {
  readonly #libc: Libc;
  readonly #socket: NativeSocket;
  readonly #sockaddrs: Sockaddrs;
  readonly #headers: MessageHeaders;
  readonly #payload = Buffer.allocUnsafeSlow(PAYLOAD_BYTES);
  readonly #onError: (error: UdpError) => void;
  /** Payload that the last refusal of this host's own said to fit, bytes. */
  localPayloadMaxBytes = 0;

  constructor(libc: Libc, socket: NativeSocket, sockaddrs: Sockaddrs, onError: (error: UdpError) => void) {
    this.#libc = libc;
    this.#socket = socket;
    this.#sockaddrs = sockaddrs;
    this.#onError = onError;
    this.#headers = new MessageHeaders(libc, 1, CONTROL_BYTES);
    this.#headers.setBytes(0, libc.addressOf(this.#payload), PAYLOAD_BYTES);
  }

  /**
   * Reports what the network said, and clears the socket's error, which would else be the answer to the next call on
   * it. Returns how many that were. What this host refused is left to the call that was refused.
   */
  drain(): number {
    let reported = 0;
    this.localPayloadMaxBytes = 0;
    for (;;) {
      this.#headers.offerRoom(0);
      const flags = C.MSG_ERRQUEUE | C.MSG_DONTWAIT;
      if (this.#libc.recvmsg(this.#socket.fd, this.#headers.address, flags) < 0) break;
      const error = this.#parse();
      if (error === null) continue;
      reported++;
      this.#onError(error);
    }
    const pending = this.#socket.get(C.SOL_SOCKET, C.SO_ERROR);
    if (pending > 0) reported++;
    return reported;
  }

  /** null: no report for the layer. */
  #parse(): UdpError | null {
    const { words } = this.#headers;
    const at = this.#find();
    if (at === -1) return null;
    const errno = words[at]!;
    const origin = words[at + 1]! & 0xff;
    const payloadMaxBytes = errno === EMSGSIZE ? this.#payloadOf(words[at + 2]!) : 0;
    if (origin === ORIGIN_LOCAL) {
      this.localPayloadMaxBytes = payloadMaxBytes;
      return null;
    }
    return { code: codeOfErrno(errno), errno, peer: this.#peer(), payloadMaxBytes };
  }

  /** The word where the `sock_extended_err` begins; -1 without one. */
  #find(): number {
    const { words } = this.#headers;
    const controlBytes = words[C.MMSGHDR_WORD.controlBytes]!;
    const begin = this.#headers.controlWord(0);
    for (let at = begin; (at - begin) * 4 + 16 <= controlBytes;) {
      const [bytes, level, type] = [words[at]!, words[at + 2]!, words[at + 3]!];
      const isError =
        (level === C.SOL_IP && type === C.IP_RECVERR) || (level === C.SOL_IPV6 && type === C.IPV6_RECVERR);
      if (isError) return at + CMSG_HEADER_WORDS;
      at += Math.max(4, Math.ceil(bytes / 8) * 2);
    }
    return -1;
  }

  #peer(): UdpAddress | null {
    const { words } = this.#headers;
    const at = this.#headers.nameWord(0);
    const family = this.#sockaddrs.family === 6 ? C.AF_INET6 : C.AF_INET;
    if (words[C.MMSGHDR_WORD.nameBytes] === 0 || (words[at]! & 0xffff) !== family) return null;
    const peer: NativePeer = this.#sockaddrs.peerAt(words, at);
    return peer.port === 0 ? null : peer;
  }

  #payloadOf(mtuBytes: number): number {
    return Math.max(0, mtuBytes - C.HEADER_BYTES[this.#sockaddrs.family]);
  }
}
