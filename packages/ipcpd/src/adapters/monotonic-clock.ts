import type { InstantUs } from '@flowring/frcp';

export function monotonicUs(): InstantUs {
  return Math.floor(performance.now() * 1_000);
}
