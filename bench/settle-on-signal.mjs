// Loaded into every process of a crowd (`node --import`): SIGUSR2 brings its memory to rest, so that it can be compared.
let garbage = null;

process.on('SIGUSR2', settle);

/** Touches the whole young generation, whose size is fixed, then frees all that nobody holds. */
export function settle() {
  for (let i = 0; i < 600_000; i++) garbage = [i, garbage === null, 3, 4, 5, 6, 7, 8, 9];
  garbage = null;
  for (let i = 0; i < 3; i++) globalThis.gc();
}
