import type { FrcpEnd } from '../frcp-end.ts';
import type { FrcpWorld } from '../frcp-world.ts';
import { ENDING, type Knobs } from '../knobs.ts';
import { violated } from '../violation.ts';
import type { Direction } from './direction.ts';
import { deltaTUs, giveUpUs, rtoMaxUs } from './times.ts';

const SECOND = 1_000_000;
/** Rounds that the program itself may need once the faults are over. */
const WORK_US = 10 * SECOND;
/** Header with times, segment and checksum. */
const HEADER_MAX_BYTES = 44;

/**
 * The second phase: once the faults are over everything must come to its end, in bounded time and with everything
 * delivered. I21, I23, I24, I27, I28.
 */
export class LivenessChecker {
  /** The world must be finished by then. */
  deadlineUs = Infinity;
  readonly #world: FrcpWorld;
  readonly #progress: readonly [Progress, Progress];

  constructor(world: FrcpWorld) {
    this.#world = world;
    this.#progress = [new Progress(world, world.checker.ab), new Progress(world, world.checker.ba)];
  }

  onHealed(): void {
    const { knobs, a, nowUs } = this.#world;
    const mplUs = knobs.mplUs * Math.max(1, knobs.mplFactor);
    const bytes = (knobs.messagesA + knobs.messagesB) * (2 * knobs.sizeMaxBytes + 64);
    const workUs = knobs.bandwidthKbps === 0 ? 0 : (bytes * 8_000) / knobs.bandwidthKbps;
    // A move can make the delay four times as long.
    const windowUs = (bytes / roundBytes(knobs)) * (8 * knobs.delayUs + knobs.aUs);
    const messages = knobs.messagesA + knobs.messagesB;
    const settleUs = giveUpUs(a.params, mplUs) + rtoMaxUs(a.params);
    const endUs = 3 * settleUs + 3 * deltaTUs(a.params, mplUs) + 4 * mplUs;
    this.deadlineUs =
      nowUs + Math.ceil(1.05 * (endUs + workUs + windowUs + WORK_US + messages * (SECOND + knobs.readGapUs)));
    for (const progress of this.#progress) progress.start();
  }

  onTurn(end: FrcpEnd): void {
    if (this.#world.isHealed) this.#progress[end === this.#world.a ? 0 : 1].watch();
  }

  onDeadline(): never {
    const { a, b, nowUs } = this.#world;
    const closed = [a, b].every((end) => end.isClosed || end.isOver || end.isDown);
    violated(closed ? 'I28' : 'I23', `never finished, now ${nowUs}: ${stateOf(a)}; ${stateOf(b)}`);
  }

  /** Nothing failed: then everything arrived. */
  onFinished(): void {
    const { a, b, knobs, checker } = this.#world;
    if ([a, b].some((end) => !end.isAlive || end.isDown || end.aborted)) return;
    for (const end of [a, b]) if (!end.isClosed) violated('I24', `${end.name} never closed`);
    const cut = knobs.ending === ENDING.AT_ONCE || knobs.ending === ENDING.A_EARLY;
    if (cut || knobs.unreliable === 1) return;
    for (const way of [checker.ab, checker.ba])
      if (way.delivered !== way.written.length)
        violated(
          'I2',
          `${way.to.name} has read ${way.delivered} of ${way.written.length} messages at the end`,
        );
  }
}

/** What a round trip brings through at least: whole PDUs within both windows, or one. No PDU is over half a window. */
function roundBytes(knobs: Knobs): number {
  const { mtuBytes, moveMtuBytes, windowPdus } = knobs;
  const windowBytes = Math.min(knobs.windowBytes, knobs.windowFirstBytes);
  const mtus = [mtuBytes, moveMtuBytes || mtuBytes];
  const [narrowBytes, wideBytes] = [Math.min(...mtus), Math.max(...mtus)].map((bytes) =>
    Math.max(8, Math.min(bytes - HEADER_MAX_BYTES, windowBytes / 2)),
  ) as [number, number];
  return Math.max(narrowBytes, Math.min(windowPdus * narrowBytes, windowBytes - wideBytes));
}

function stateOf(end: FrcpEnd): string {
  const { send, receive, timers, phase } = end.conn.inspect();
  return `${end.name} ${JSON.stringify({ phase, send, receive, timers })}`;
}

/** I21, I23: on a good path a sender with something to send never stands still for long. */
class Progress {
  readonly #world: FrcpWorld;
  readonly #way: Direction;
  #sinceUs = 0;
  #una = -1;
  #nxt = -1;
  #unitsTaken = -1;

  constructor(world: FrcpWorld, way: Direction) {
    this.#world = world;
    this.#way = way;
  }

  start(): void {
    this.#sinceUs = this.#world.nowUs;
  }

  watch(): void {
    const { nowUs } = this.#world;
    const way = this.#way;
    const idle = way.una === way.nxt && way.from.conn.queuedBytes === 0;
    // A clock that stood still keeps a run alive that its peer has forgotten.
    const stalled = [way.from, way.to].some(
      ({ process }) => process.isStalled(nowUs) || process.clockStoodStill,
    );
    if (
      idle ||
      stalled ||
      !way.from.isOpen ||
      !way.to.canSend ||
      way.una !== this.#una ||
      way.nxt !== this.#nxt ||
      way.unitsTaken !== this.#unitsTaken
    ) {
      this.#sinceUs = nowUs;
      this.#una = way.una;
      this.#nxt = way.nxt;
      this.#unitsTaken = way.unitsTaken;
      return;
    }
    const stoodUs = nowUs - this.#sinceUs;
    if (stoodUs <= this.#patienceUs) return;
    const invariant = way.una === way.nxt ? 'I21' : 'I23';
    violated(
      invariant,
      `${way.from.name} has not moved for ${stoodUs} us on a good path: ${stateOf(way.from)}`,
    );
  }

  /** Two probes of a closed window, or a timeout that has backed off and its answer; a slow reader counts too. */
  get #patienceUs(): number {
    const { knobs } = this.#world;
    const { from } = this.#way;
    const roundTripUs = 2 * (knobs.delayUs + Math.floor(knobs.mplUs * Math.max(1, knobs.mplFactor)));
    const rtoUs = Math.max(SECOND, Math.min(rtoMaxUs(from.params), 2 * roundTripUs));
    return (
      Math.ceil(1.05 * (2 * Math.max(rtoUs, knobs.rtoInitialUs) + roundTripUs)) + knobs.readGapUs * 8 + SECOND
    );
  }
}
