import { createRequire } from 'node:module';
import os from 'node:os';
import { isMainThread } from 'node:worker_threads';

/**
 * The calls of libc and of libuv (which Node exports to addons) that sockets with offloads use. All answer as in C: -1
 * and {@link errno}, or for libuv a negative number. `address` and the like are numbers of the address space.
 */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, name: Uint8Array, bytes: number): number;
  connect(fd: number, name: Uint8Array, bytes: number): number;
  getsockname(fd: number, name: Uint8Array, bytes: Uint8Array): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, bytes: number): number;
  getsockopt(fd: number, level: number, option: number, value: Uint8Array, bytes: Uint8Array): number;
  /** `headers`: address of so many `struct mmsghdr`. */
  sendmmsg(fd: number, headers: number, count: number, flags: number): number;
  recvmmsg(fd: number, headers: number, count: number, flags: number, timeout: 0): number;
  recvmsg(fd: number, header: number, flags: number): number;
  close(fd: number): number;
  inet_pton(family: number, text: string, bytes: Uint8Array): number;
  inet_ntop(family: number, bytes: Uint8Array, text: Uint8Array, textBytes: number): string | null;
  if_nametoindex(name: string): number;
  if_indextoname(index: number, name: Uint8Array): string | null;
  calloc(count: number, bytes: number): number;
  errno(): number;
  /** Where the bytes lie. They stay there as long as the array is reachable. */
  addressOf(bytes: Uint8Array): number;
  readonly uv: Uv;
}

/** `uv_poll_t` and what belongs to it; `handle` is the address of one. */
export interface Uv {
  /** Bytes of a `uv_poll_t`. */
  readonly pollBytes: number;
  /** The main thread's loop. */
  uv_default_loop(): number;
  uv_poll_init(loop: number, handle: number, fd: number): number;
  /** Calls `onPoll`, as `register` made it, on each turn with one of the events, or with a negative status. */
  uv_poll_start(handle: number, events: number, onPoll: PollCallback): number;
  uv_poll_stop(handle: number): number;
  uv_close(handle: number, onClose: 0): void;
  uv_ref(handle: number): void;
  uv_unref(handle: number): void;
  register(onPoll: (handle: number, status: number, events: number) => void): PollCallback;
}

/** A JavaScript function that C can call. */
export type PollCallback = Readonly<{ opaque: 'uv_poll_cb' }>;

/** What we use of koffi. It is optional, so none of its types are imported. */
interface Koffi {
  load(library: null): KoffiLibrary;
  proto(result: string, parameters: string[]): object;
  pointer(type: object): object;
  register(callback: (...args: never[]) => void, type: object): unknown;
  errno(): number;
}
interface KoffiLibrary {
  func(name: string, result: string, parameters: (string | object)[]): (...args: unknown[]) => unknown;
}

const UV_POLL = 8;
const CALLS: Readonly<Record<string, [result: string, parameters: string[]]>> = {
  socket: ['int', ['int', 'int', 'int']],
  bind: ['int', ['int', 'void *', 'uint32_t']],
  connect: ['int', ['int', 'void *', 'uint32_t']],
  getsockname: ['int', ['int', 'void *', 'void *']],
  setsockopt: ['int', ['int', 'int', 'int', 'void *', 'uint32_t']],
  getsockopt: ['int', ['int', 'int', 'int', 'void *', 'void *']],
  sendmmsg: ['int', ['int', 'uintptr_t', 'uint32_t', 'int']],
  recvmmsg: ['int', ['int', 'uintptr_t', 'uint32_t', 'int', 'uintptr_t']],
  recvmsg: ['int64_t', ['int', 'uintptr_t', 'int']],
  close: ['int', ['int']],
  inet_pton: ['int', ['int', 'const char *', 'void *']],
  inet_ntop: ['const char *', ['int', 'void *', 'void *', 'uint32_t']],
  if_nametoindex: ['uint32_t', ['const char *']],
  if_indextoname: ['const char *', ['uint32_t', 'void *']],
  calloc: ['uintptr_t', ['size_t', 'size_t']],
};
const UV_CALLS: typeof CALLS = {
  uv_default_loop: ['uintptr_t', []],
  uv_poll_init: ['int', ['uintptr_t', 'uintptr_t', 'int']],
  uv_poll_stop: ['int', ['uintptr_t']],
  uv_close: ['void', ['uintptr_t', 'uintptr_t']],
  uv_ref: ['void', ['uintptr_t']],
  uv_unref: ['void', ['uintptr_t']],
};

let loaded: Libc | null | undefined;

/**
 * libc and libuv through koffi, loaded on first use; null where koffi is missing, this is not Linux on a
 * little-endian machine of 64 bits, or not the main thread, whose loop is the only one C code can ask for.
 */
export function loadLibc(): Libc | null {
  if (loaded === undefined) loaded = tryLoad(() => createRequire(import.meta.url)('koffi') as Koffi);
  return loaded;
}

/** For tests: what `loadLibc` answers from now on if koffi is loaded by `load`; without it, loads anew. */
export function reloadLibc(load?: () => unknown): void {
  loaded = load === undefined ? undefined : tryLoad(load as () => Koffi);
}

function tryLoad(load: () => Koffi): Libc | null {
  const is64Bit = ['x64', 'arm64', 'riscv64', 'loong64'].includes(process.arch);
  if (process.platform !== 'linux' || !is64Bit || os.endianness() !== 'LE' || !isMainThread) return null;
  try {
    return bindCalls(load());
  } catch {
    return null;
  }
}

function bindCalls(koffi: Koffi): Libc {
  const library = koffi.load(null);
  const bound = (calls: typeof CALLS): Record<string, (...args: unknown[]) => unknown> =>
    Object.fromEntries(Object.entries(calls).map(([name, type]) => [name, library.func(name, ...type)]));
  const pollCallback = koffi.pointer(koffi.proto('void', ['uintptr_t', 'int', 'int']));
  const memmove = library.func('memmove', 'uintptr_t', ['void *', 'void *', 'size_t']);
  const handleBytes = library.func('uv_handle_size', 'size_t', ['int']);
  const uv = {
    ...bound(UV_CALLS),
    pollBytes: handleBytes(UV_POLL),
    uv_poll_start: library.func('uv_poll_start', 'int', ['uintptr_t', 'int', pollCallback]),
    register: (onPoll: (...args: never[]) => void) => koffi.register(onPoll, pollCallback),
  };
  return {
    ...bound(CALLS),
    uv,
    errno: () => koffi.errno(),
    addressOf: (bytes: Uint8Array) => memmove(bytes, bytes, 0),
  } as unknown as Libc;
}
