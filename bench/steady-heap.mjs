// Node's options for processes whose memory is compared. V8 lets the young generation grow to 16 MiB with the rate
// of allocation, and keeps it: of that size from the start, it is not taken for the cost of a link.
export const STEADY_HEAP = [
  '--expose-gc',
  '--min-semi-space-size=16',
  '--max-semi-space-size=16',
  '--import',
  new URL('./settle-on-signal.mjs', import.meta.url).href,
];
