import type { InstantUs } from './time.ts';
import { NEVER, type TimerTable } from './timer-table.ts';

const FIRST_US = 100_000;
const LAST_US = 30_000_000;
/** So often a window is told again; the last two minutes after the first. */
const REPEATS_MAX = 12;

/**
 * Tells a peer that never asks, or asks for a second only, that a closed window has opened: again and again, until data
 * comes.
 */
//= R-FRCP-96
export class WindowRepeater {
  private repeats = 0;
  private readonly timers: TimerTable;

  constructor(timers: TimerTable) {
    this.timers = timers;
  }

  /** A window has been told that the peer may not hear. */
  start(now: InstantUs): void {
    this.repeats = 0;
    this.timers.windowAt = now + FIRST_US;
  }

  stop(): void {
    this.timers.windowAt = NEVER;
  }

  /** It is time to tell it again. */
  repeat(now: InstantUs): void {
    this.repeats++;
    const pauseUs = Math.min(LAST_US, FIRST_US * 2 ** this.repeats);
    this.timers.windowAt = this.repeats < REPEATS_MAX ? now + pauseUs : NEVER;
  }
}
