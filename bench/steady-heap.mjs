// Node's options for processes whose memory is compared. V8 lets the young generation grow to 16 MiB with the rate
// of allocation, and gives it back when the process has been idle for some 8 s: of that size from the start to the end,
// it is not taken for the cost of a link, nor for a gain.
export const STEADY_HEAP = [
  '--min-semi-space-size=16',
  '--max-semi-space-size=16',
  '--no-memory-reducer',
  '--import',
  new URL('./settle-on-signal.mjs', import.meta.url).href,
];
