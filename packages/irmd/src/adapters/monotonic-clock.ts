/** Monotonic time in whole microseconds. */
export function monotonicUs(): number {
  return Math.floor(performance.now() * 1_000);
}
