import type { OpenUdpSocketOptions } from '../datagram.ts';
import { bindFailure, BUFFER_BYTES, codeOfErrno } from './common.ts';
import * as C from './constants.ts';
import type { Libc } from './libc.ts';
import type { Sockaddrs } from './sockaddr.ts';

/** Options of the kernel's that are set and read by the one number they hold. */
export class NativeSocket {
  readonly fd: number;
  readonly #libc: Libc;

  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.fd = fd;
  }

  /** false: refused. */
  set(level: number, option: number, value: number): boolean {
    return this.#libc.setsockopt(this.fd, level, option, numberBytes(value), 4) === 0;
  }

  /** -1: refused. */
  get(level: number, option: number): number {
    const value = new Int32Array(1);
    const ok = this.#libc.getsockopt(this.fd, level, option, new Uint8Array(value.buffer), numberBytes(4));
    return ok === 0 ? value[0]! : -1;
  }

  /** As much as the kernel grants; more than its usual bound with the right to. */
  setBuffer(force: number, option: number, bytes: number): void {
    // The kernel doubles what it is asked.
    if (!this.set(C.SOL_SOCKET, force, bytes)) this.set(C.SOL_SOCKET, option, bytes);
  }

  /** Datagrams the kernel dropped since the socket is open. */
  drops(): number {
    const info = new Uint32Array(C.SK_MEMINFO_DROPS + 1);
    const bytes = new Uint8Array(info.buffer);
    const length = numberBytes(bytes.length);
    const ok = this.#libc.getsockopt(this.fd, C.SOL_SOCKET, C.SO_MEMINFO, bytes, length);
    return ok === 0 ? info[C.SK_MEMINFO_DROPS]! : 0;
  }

  /** The name it is bound to. */
  name(): Uint32Array {
    const words = new Uint32Array(C.NAME_BYTES / 4);
    this.#libc.getsockname(this.fd, new Uint8Array(words.buffer), numberBytes(C.NAME_BYTES));
    return words;
  }

  close(): void {
    this.#libc.close(this.fd);
  }
}

/** Opens and binds a socket, its options set. Throws as {@link bindFailure}. */
export function openNativeSocket(
  libc: Libc,
  sockaddrs: Sockaddrs,
  options: OpenUdpSocketOptions,
): NativeSocket {
  const { host, port = 0 } = options;
  const { family } = sockaddrs;
  const name = new Uint8Array(sockaddrs.encode(host, port).buffer);
  const type = C.SOCK_DGRAM | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC;
  const fd = libc.socket(family === 6 ? C.AF_INET6 : C.AF_INET, type, 0);
  if (fd === -1) throw failure(libc, host, port);
  const socket = new NativeSocket(libc, fd);
  if (family === 6) socket.set(C.SOL_IPV6, C.IPV6_V6ONLY, 1);
  if (libc.bind(fd, name, name.length) === -1) {
    const error = failure(libc, host, port);
    socket.close();
    throw error;
  }
  setOptions(socket, family, options);
  return socket;
}

/**
 * The MTU of the route to a peer, bytes; 0 when there is no route. Only a connected socket has one, so another one
 * asks for it.
 */
export function routeMtu(libc: Libc, family: 4 | 6, local: Uint32Array, to: Uint32Array): number {
  const fd = libc.socket(family === 6 ? C.AF_INET6 : C.AF_INET, C.SOCK_DGRAM | C.SOCK_CLOEXEC, 0);
  if (fd === -1) return 0;
  const socket = new NativeSocket(libc, fd);
  try {
    const from = new Uint8Array(local.slice(0, C.SOCKADDR_BYTES[family] / 4).buffer);
    from[2] = from[3] = 0;
    libc.bind(fd, from, from.length);
    if (libc.connect(fd, new Uint8Array(to.buffer), to.byteLength) === -1) return 0;
    return Math.max(0, family === 6 ? socket.get(C.SOL_IPV6, C.IPV6_MTU) : socket.get(C.SOL_IP, C.IP_MTU));
  } finally {
    socket.close();
  }
}

function setOptions(socket: NativeSocket, family: 4 | 6, options: OpenUdpSocketOptions): void {
  const { receiveBufferBytes = BUFFER_BYTES, sendBufferBytes = BUFFER_BYTES } = options;
  socket.setBuffer(C.SO_RCVBUFFORCE, C.SO_RCVBUF, receiveBufferBytes);
  socket.setBuffer(C.SO_SNDBUFFORCE, C.SO_SNDBUF, sendBufferBytes);
  socket.set(C.SOL_UDP, C.UDP_GRO, 1);
  if (family === 6) {
    socket.set(C.SOL_IPV6, C.IPV6_MTU_DISCOVER, C.PMTUDISC_PROBE);
    socket.set(C.SOL_IPV6, C.IPV6_RECVERR, 1);
  } else {
    socket.set(C.SOL_IP, C.IP_MTU_DISCOVER, C.PMTUDISC_PROBE);
    socket.set(C.SOL_IP, C.IP_RECVERR, 1);
  }
}

function failure(libc: Libc, host: string, port: number): Error {
  const code = codeOfErrno(libc.errno());
  return bindFailure(Object.assign(new Error(`bind ${code}`), { code }), host, port);
}

function numberBytes(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}
