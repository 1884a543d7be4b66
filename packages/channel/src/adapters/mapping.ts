import { FlowringError } from '@flowring/common';
import type { Libc } from './libc.ts';
import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PROT_READ_WRITE } from './libc.ts';

/** A range of our address space that views of it can never dangle from: it is never unmapped. */
export interface Region {
  readonly address: bigint;
  readonly bytes: number;
  readonly memory: ArrayBuffer;
}

/** Ranges without a channel, by size: the next channel of that size maps its file there. */
const idle = new Map<number, Region[]>();

/** Maps so many bytes of a file, shared. Throws `FLOWRING_CHANNEL`. */
export function mapFile(libc: Libc, fd: number, bytes: number): Region {
  const reused = idle.get(bytes)?.pop();
  const fixed = reused === undefined ? 0 : MAP_FIXED;
  const address = libc.mmap(reused?.address ?? null, bytes, PROT_READ_WRITE, MAP_SHARED | fixed, fd, 0);
  if (address === -1n) {
    const errno = libc.errno();
    if (reused !== undefined) keep(reused);
    throw new FlowringError('FLOWRING_CHANNEL', { message: `mmap failed`, details: { errno, bytes } });
  }
  return reused ?? { address, bytes, memory: libc.view(address, bytes) };
}

/**
 * Puts private zeros in place of the file and keeps the range for the next channel: a view that is left over
 * reads zeros, where after munmap it would end the process.
 */
export function releaseRegion(libc: Libc, region: Region): void {
  const flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;
  const address = libc.mmap(region.address, region.bytes, PROT_READ_WRITE, flags, -1, 0);
  // Refused (out of mappings): the file stays mapped there, and the range is not used again.
  if (address !== -1n) keep(region);
}

function keep(region: Region): void {
  const regions = idle.get(region.bytes);
  if (regions === undefined) idle.set(region.bytes, [region]);
  else regions.push(region);
}
