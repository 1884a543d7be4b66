/** Exit codes of `irmd` and `irm`. */
export const EXIT = {
  ok: 0,
  /** The operation failed; the reason is on stderr. */
  failed: 1,
  usage: 2,
  /** irmd: another daemon serves the runtime directory. */
  alreadyRunning: 3,
  /** irm: no daemon answers. */
  noDaemon: 4,
  /** irmd: an internal error (sysexits EX_SOFTWARE). */
  internal: 70,
} as const;
