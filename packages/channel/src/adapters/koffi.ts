import { createRequire } from 'node:module';

/** What we use of koffi. It is optional, so none of its types are imported. */
export interface Koffi {
  /** `null`: what the process has loaded already, libc among it. */
  load(library: string | null): { func(prototype: string): (...args: unknown[]) => unknown };
  view(address: bigint, bytes: number): ArrayBuffer;
  errno(): number;
}

/** Throws where it is not installed or has no build for this machine. */
export function loadKoffi(): Koffi {
  return createRequire(import.meta.url)('koffi') as Koffi;
}
