import type { Koffi } from './koffi.ts';
import { loadKoffi } from './koffi.ts';

/** The few libc calls of the shared-memory kind; pointers are numbers of the address space. */
export interface Libc {
  /** The address, or -1n and {@link errno}. */
  mmap(
    address: bigint | null,
    bytes: number,
    prot: number,
    flags: number,
    fd: number,
    offset: number,
  ): bigint;
  /** 0, or -1 and {@link errno}. */
  mkfifo(path: string, mode: number): number;
  /** An ArrayBuffer over memory at an address. */
  view(address: bigint, bytes: number): ArrayBuffer;
  errno(): number;
  /** Lets other processes have the processor first. */
  readonly sched_yield: () => unknown;
}

export const PROT_READ_WRITE = 3;
export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;

let loaded: Libc | null | undefined;

/** libc through koffi, loaded on first use; null where koffi is missing or this is not Linux. */
export function loadLibc(): Libc | null {
  if (loaded === undefined) loaded = tryLoad(loadKoffi);
  return loaded;
}

/** For tests: what `loadLibc` answers from now on if koffi is loaded by `load`; without it, loads anew. */
export function reloadLibc(load?: () => unknown): void {
  loaded = load === undefined ? undefined : tryLoad(load as () => Koffi);
}

function tryLoad(load: () => Koffi): Libc | null {
  // The flag values above are Linux's.
  if (process.platform !== 'linux') return null;
  try {
    const koffi = load();
    const c = koffi.load(null);
    const mmap = c.func('void *mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset)');
    const mkfifo = c.func('int mkfifo(const char *path, uint32_t mode)');
    return {
      mmap: (...args) => BigInt.asIntN(64, mmap(...args) as bigint),
      mkfifo: (path, mode) => mkfifo(path, mode) as number,
      view: (address, bytes) => koffi.view(address, bytes),
      errno: () => koffi.errno(),
      sched_yield: c.func('int sched_yield(void)'),
    };
  } catch {
    return null;
  }
}
