import { serviceOf } from '@flowring/common';
import type { Flow, FlowMode } from '../flow-types.ts';
import {
  EINVAL,
  ENOTSUP,
  EPERM,
  FLOWFACCMODE,
  FLOWFDOWN,
  FLOWFRDWR,
  FLOWFRNOPART,
  FLOWFWNOPART,
  FLOWGFLAGS,
  FLOWGQOSSPEC,
  FLOWGRCVTIMEO,
  FLOWGRXQLEN,
  FLOWGSNDTIMEO,
  FLOWGTXQLEN,
  FLOWSFLAGS,
  FLOWSRCVTIMEO,
  FLOWSSNDTIMEO,
  FRCTFLINGER,
  FRCTFRESCNTL,
  FRCTFRTX,
  FRCTGFLAGS,
  FRCTSFLAGS,
} from './constants.ts';
import type { Out, Timespec } from './timespec.ts';
import { fromMs, isTimespec, toMs } from './timespec.ts';

const MODES: readonly (FlowMode | undefined)[] = ['read-only', 'write-only', 'read-write', undefined];

/** What a descriptor stands for: a flow, its flags, and how far its current message was read. */
export class Descriptor {
  readonly flow: Flow;
  flags = FLOWFRDWR | FLOWFWNOPART;
  /** FRCT flags; -1 on a raw flow. */
  frct: number;
  /** What is left of the message being read. */
  rest: Buffer | null = null;
  /** The message was read to exactly its end: the next read says so with 0. */
  endMark = false;
  #down: AbortController | null = null;

  constructor(flow: Flow) {
    this.flow = flow;
    const service = serviceOf(flow.qos);
    this.frct =
      service === 'raw' ? -1 : service === 'reliable' ? FRCTFRTX | FRCTFRESCNTL | FRCTFLINGER : FRCTFRESCNTL;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  /** Aborts when the flow is set down, so that who waits learns of it. */
  get downSignal(): AbortSignal {
    this.#down ??= new AbortController();
    return this.#down.signal;
  }

  control(command: number, argument: unknown): number {
    switch (command) {
      case FLOWSRCVTIMEO:
        return setTimeLimit(argument, (ms) => (this.flow.readTimeoutMs = ms));
      case FLOWGRCVTIMEO:
        return getTimeout(argument, this.flow.readTimeoutMs);
      case FLOWSSNDTIMEO:
        return setTimeLimit(argument, (ms) => (this.flow.writeTimeoutMs = ms));
      case FLOWGSNDTIMEO:
        return getTimeout(argument, this.flow.writeTimeoutMs);
      case FLOWGQOSSPEC:
        return give(argument, this.flow.qos);
      case FLOWSFLAGS:
        return this.#setFlags(argument);
      case FLOWGFLAGS:
        return give(argument, this.flags);
      case FLOWGRXQLEN:
        return give(argument, this.flow.rxQueueLength + (this.rest === null ? 0 : 1));
      case FLOWGTXQLEN:
        return give(argument, this.flow.txQueueLength);
      case FRCTSFLAGS:
        return this.#setFrctFlags(argument);
      case FRCTGFLAGS:
        return this.frct < 0 ? -EPERM : give(argument, this.frct);
      default:
        return -ENOTSUP;
    }
  }

  #setFlags(argument: unknown): number {
    if (!isFlags(argument)) return -EINVAL;
    const mode = MODES[argument & FLOWFACCMODE];
    if (mode === undefined) return -EINVAL;
    this.flow.mode = mode;
    this.flags = argument;
    if (this.has(FLOWFRNOPART)) this.endMark = false;
    if (this.has(FLOWFDOWN)) this.#down?.abort();
    else if (this.#down?.signal.aborted === true) this.#down = null;
    return 0;
  }

  #setFrctFlags(argument: unknown): number {
    if (this.frct < 0) return -EPERM;
    if (!isFlags(argument)) return -EINVAL;
    if (((argument ^ this.frct) & ~FRCTFLINGER) !== 0) return -ENOTSUP;
    this.frct = argument;
    return 0;
  }
}

function isFlags(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff;
}

function give(out: unknown, value: unknown): number {
  if (typeof out !== 'object' || out === null) return -EINVAL;
  (out as Out<unknown>).value = value;
  return 0;
}

function setTimeLimit(argument: unknown, set: (ms: number | undefined) => void): number {
  if (argument === null || argument === undefined) {
    set(undefined);
    return 0;
  }
  if (!isTimespec(argument)) return -EINVAL;
  set(toMs(argument));
  return 0;
}

function getTimeout(out: unknown, ms: number | undefined): number {
  if (typeof out !== 'object' || out === null) return -EINVAL;
  if (ms === undefined) return -EPERM;
  (out as Out<Timespec>).value = fromMs(ms);
  return 0;
}
