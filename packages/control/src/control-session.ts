import type { Socket } from 'node:net';
import type { ControlMessage, ProcessId, RequestId } from '@flowring/common';
import { LIMITS } from '@flowring/common';
import type { FrameLaneEvents } from './frame-lane.ts';
import { FrameLane } from './frame-lane.ts';
import { PROCESS_ID_BYTES } from './greeting.ts';

/** What the daemon holds of one process id: from its first sign of life until its lifeline closes. */
export class Session {
  /** Hex of the id the process drew. */
  readonly id: string;
  lane: NamedLane | null = null;
  hello: ControlMessage<'hello'> | null = null;
  /** 0 until registered. */
  process: ProcessId = 0;
  malformed = 0;
  /** Requests that came on zeromq and are unanswered. */
  readonly outstanding = new Set<RequestId>();
  #timer: NodeJS.Timeout | undefined;

  constructor(id: string, helloTimeoutMs: number, onHelloTimeout: () => void) {
    this.id = id;
    this.#timer = setTimeout(onHelloTimeout, helloTimeoutMs);
  }

  /** From now on frames of the lifeline, and its end, go here. */
  startLifeline(events: FrameLaneEvents): void {
    if (this.lane !== null) this.lane.events = events;
  }

  register(process: ProcessId): void {
    this.process = process;
    clearTimeout(this.#timer);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.lane?.destroy();
    this.outstanding.clear();
  }
}

/** A lifeline whose events are decided once its owner is known. */
export class NamedLane extends FrameLane {
  events: FrameLaneEvents | null = null;

  constructor(socket: Socket, firstEvents: FrameLaneEvents) {
    super(socket, {
      onFrame: (frame) => (this.events ?? firstEvents).onFrame(frame),
      onClose: (reason) => (this.events ?? firstEvents).onClose(reason),
    });
  }
}

export interface UnnamedEvents {
  /** A connection said who it is: hex of its id. Sets the lane's events before it returns. */
  onNamed(id: string, lane: NamedLane): void;
  onMalformed(): void;
}

/**
 * Connections to the guard that have not said who they are: bounded in time and number, so that those who say
 * nothing cost nobody anything. Past the bound the oldest goes.
 */
export class UnnamedConnections {
  readonly #lanes = new Map<NamedLane, NodeJS.Timeout>();
  readonly #timeoutMs: number;
  readonly #events: UnnamedEvents;
  #stopped = false;

  constructor(timeoutMs: number, events: UnnamedEvents) {
    this.#timeoutMs = timeoutMs;
    this.#events = events;
  }

  add(socket: Socket, greeting: Uint8Array): void {
    if (this.#stopped) {
      socket.destroy();
      return;
    }
    if (this.#lanes.size >= LIMITS.unnamedConnectionsMax) this.#lanes.keys().next().value?.destroy();
    const lane = new NamedLane(socket, {
      onFrame: (frame) => this.#onFirstFrame(lane, frame),
      onClose: () => this.#forget(lane),
    });
    this.#lanes.set(
      lane,
      setTimeout(() => lane.destroy(), this.#timeoutMs),
    );
    lane.send(greeting);
  }

  stop(): void {
    this.#stopped = true;
    for (const lane of this.#lanes.keys()) lane.destroy();
  }

  #onFirstFrame(lane: NamedLane, frame: Uint8Array): void {
    this.#forget(lane);
    if (frame.length !== PROCESS_ID_BYTES) {
      this.#events.onMalformed();
      lane.destroy();
      return;
    }
    const id = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString('hex');
    this.#events.onNamed(id, lane);
  }

  #forget(lane: NamedLane): void {
    clearTimeout(this.#lanes.get(lane));
    this.#lanes.delete(lane);
  }
}
