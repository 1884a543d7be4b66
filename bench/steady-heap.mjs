// Node's options for processes whose memory and speed are compared. V8 lets the young generation grow with the rate of
// allocation, and shrinks the heap at a time of its own choosing: of one size, and without that, neither is taken for the
// cost of a link, nor for a gain.
export const STEADY_HEAP = [
  '--min-semi-space-size=16',
  '--max-semi-space-size=16',
  '--no-memory-reducer',
  '--import',
  new URL('./settle-on-signal.mjs', import.meta.url).href,
];
