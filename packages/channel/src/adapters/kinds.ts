import type { ChannelKind } from '@flowring/common';
import { loadLibc } from './libc.ts';

/**
 * The kinds this process can open, best first: `shm` where koffi loads (Linux), `unix` always.
 * `FLOWRING_CHANNEL=unix` or `=shm` leaves only that one.
 */
export function availableKinds(): ChannelKind[] {
  const forced = process.env['FLOWRING_CHANNEL'];
  if (forced === 'unix' || forced === 'shm') return [forced];
  return loadLibc() === null ? ['unix'] : ['shm', 'unix'];
}
