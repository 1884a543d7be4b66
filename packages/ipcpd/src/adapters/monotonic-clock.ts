import type { InstantUs } from '@flowring/frcp';

/** Now, on a clock that is never set. */
export function monotonicUs(): InstantUs {
  return Math.floor(performance.now() * 1_000);
}
