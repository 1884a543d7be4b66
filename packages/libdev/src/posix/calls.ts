import type { QosCubeName, QosSpec } from '@flowring/common';
import { ERROR_TABLE, isFlowringError, LIMITS } from '@flowring/common';
import type { Application } from '../application.ts';
import { FlowSet } from '../flow-set.ts';
import type { Flow, FlowEvent, FlowEventType } from '../flow-types.ts';
import {
  EAGAIN,
  EBADF,
  EFLOWDOWN,
  EINVAL,
  EMFILE,
  EMSGSIZE,
  ENOTALLOC,
  EPERM,
  FLOW_ALLOC,
  FLOW_DEALLOC,
  FLOW_DOWN,
  FLOW_PEER,
  FLOW_PKT,
  FLOW_UP,
  FLOWFDOWN,
  FLOWFRNOBLOCK,
  FLOWFRNOPART,
  FLOWFWNOBLOCK,
  FRCTFLINGER,
} from './constants.ts';
import { Descriptor } from './descriptor.ts';
import type { Timespec } from './timespec.ts';
import { isTimespec, toMs } from './timespec.ts';

/** O7s keeps the descriptors below for itself. */
const FIRST_DESCRIPTOR = 64;

/** A set of flows for `fevent`. */
export interface FsetT {
  readonly set: FlowSet;
}

/** Events that `fevent` collected. */
export interface FqueueT {
  events: FlowEvent[];
  current: FlowEvent | null;
}

const EVENT_NUMBERS: Readonly<Record<FlowEventType, number>> = {
  PKT: FLOW_PKT,
  DOWN: FLOW_DOWN,
  UP: FLOW_UP,
  ALLOC: FLOW_ALLOC,
  DEALLOC: FLOW_DEALLOC,
  PEER: FLOW_PEER,
};

/** The C functions over an application. Each result is non-negative, or `-errno`; nothing throws or rejects. */
export interface PosixCalls {
  readonly flow_alloc: (
    name: string,
    qs?: QosSpec | QosCubeName | null,
    timeo?: Timespec | null,
  ) => Promise<number>;
  readonly flow_accept: (qs?: null, timeo?: Timespec | null) => Promise<number>;
  readonly flow_join: (layer: string, timeo?: Timespec | null) => Promise<number>;
  readonly flow_dealloc: (fd: number) => Promise<number>;
  readonly flow_read: (fd: number, buf: Uint8Array | null, count?: number) => Promise<number>;
  readonly flow_write: (fd: number, buf: Uint8Array | null, count?: number) => Promise<number>;
  readonly fccntl: (fd: number, command: number, argument?: unknown) => number;
  readonly fset_create: () => FsetT;
  readonly fset_destroy: (set: FsetT | null) => void;
  readonly fset_zero: (set: FsetT | null) => void;
  readonly fset_add: (set: FsetT | null, fd: number) => number;
  readonly fset_del: (set: FsetT | null, fd: number) => number;
  readonly fset_has: (set: FsetT | null, fd: number) => boolean;
  readonly fqueue_create: () => FqueueT;
  readonly fqueue_destroy: (fq: FqueueT | null) => void;
  readonly fqueue_next: (fq: FqueueT | null) => number;
  readonly fqueue_type: (fq: FqueueT | null) => number;
  readonly fevent: (set: FsetT | null, fq: FqueueT | null, timeo?: Timespec | null) => Promise<number>;
}

export function createPosixCalls(application: Application): PosixCalls {
  const table = new DescriptorTable();
  return { ...flowCalls(application, table), ...transferCalls(table), ...setCalls(table) };
}

/** Descriptors in use, lowest free number first, as in C. */
class DescriptorTable {
  readonly #byNumber = new Map<number, Descriptor>();
  readonly #byFlow = new Map<Flow, number>();
  #lowestFree = FIRST_DESCRIPTOR;

  /** The descriptor's number, or the error. */
  open(flow: Flow): number {
    let fd = this.#lowestFree;
    while (this.#byNumber.has(fd)) fd++;
    if (fd >= LIMITS.posixDescriptorsMax) {
      flow.abort();
      return -EMFILE;
    }
    this.#lowestFree = fd + 1;
    this.#byNumber.set(fd, new Descriptor(flow));
    this.#byFlow.set(flow, fd);
    return fd;
  }

  /** The descriptor, or the error. */
  get(fd: number): Descriptor | number {
    if (!Number.isInteger(fd) || fd < 0 || fd >= LIMITS.posixDescriptorsMax) return -EBADF;
    return this.#byNumber.get(fd) ?? -ENOTALLOC;
  }

  close(fd: number, flow: Flow): void {
    this.#byNumber.delete(fd);
    this.#byFlow.delete(flow);
    this.#lowestFree = Math.min(this.#lowestFree, fd);
  }

  numberOf(flow: Flow): number | undefined {
    return this.#byFlow.get(flow);
  }
}

type FlowCalls = Pick<PosixCalls, 'flow_alloc' | 'flow_accept' | 'flow_join' | 'flow_dealloc' | 'fccntl'>;

function flowCalls(application: Application, table: DescriptorTable): FlowCalls {
  const opened = async (flow: Promise<Flow>): Promise<number> => table.open(await flow);
  return {
    flow_alloc: (name, qs, timeo) =>
      guarded(timeo, (timeoutMs = Infinity) =>
        opened(application.flowAlloc(name, { qos: qs ?? 'raw', timeoutMs })),
      ),
    flow_accept: (_qs, timeo) =>
      guarded(timeo, (timeoutMs) => opened(application.flowAccept.once({ timeoutMs }))),
    flow_join: (layer, timeo) =>
      guarded(timeo, (timeoutMs) => opened(application.flowJoin(layer, { timeoutMs }))),
    flow_dealloc: (fd) =>
      guarded(null, async () => {
        const descriptor = table.get(fd);
        if (typeof descriptor === 'number') return descriptor;
        const { flow, frct } = descriptor;
        table.close(fd, flow);
        await flow.dealloc(frct >= 0 && (frct & FRCTFLINGER) === 0 ? { lingerMs: 0 } : {});
        return 0;
      }),
    fccntl: (fd, command, argument) => {
      const descriptor = table.get(fd);
      return typeof descriptor === 'number' ? descriptor : descriptor.control(command, argument);
    },
  };
}

function transferCalls(table: DescriptorTable): Pick<PosixCalls, 'flow_read' | 'flow_write'> {
  return {
    flow_read: (fd, buf, count = buf?.length ?? 0) =>
      guarded(null, async () => {
        const descriptor = table.get(fd);
        if (typeof descriptor === 'number') return descriptor;
        if ((buf === null && count > 0) || !isCount(count, buf)) return -EINVAL;
        return await read(descriptor, buf ?? Buffer.alloc(0), count);
      }),
    flow_write: (fd, buf, count = buf?.length ?? 0) =>
      guarded(null, async () => {
        if ((buf === null && count > 0) || !isCount(count, buf)) return -EINVAL;
        const descriptor = table.get(fd);
        if (typeof descriptor === 'number') return descriptor;
        return buf === null ? 0 : await write(descriptor, buf.subarray(0, count));
      }),
  };
}

async function read(descriptor: Descriptor, buf: Uint8Array, count: number): Promise<number> {
  if (descriptor.endMark) {
    descriptor.endMark = false;
    return 0;
  }
  if (count === 0) return 0;
  const message = descriptor.rest ?? (await nextMessage(descriptor));
  if (typeof message === 'number') return message;
  descriptor.rest = null;
  const isWhole = descriptor.has(FLOWFRNOPART);
  if (isWhole && message.length > count) return -EMSGSIZE;
  const bytes = Math.min(count, message.length);
  buf.set(message.subarray(0, bytes));
  if (bytes < message.length) descriptor.rest = message.subarray(bytes);
  else descriptor.endMark = bytes === count && !isWhole;
  return bytes;
}

/** The next message that is not empty (O7s's keepalives are), or the error. */
async function nextMessage(descriptor: Descriptor): Promise<Buffer | number> {
  const { flow } = descriptor;
  for (;;) {
    let message = flow.tryRead();
    if (message === 'would-block') {
      if (descriptor.has(FLOWFDOWN)) return -EFLOWDOWN;
      if (descriptor.has(FLOWFRNOBLOCK)) return -EAGAIN;
      message = await flow.read({ signal: descriptor.downSignal }).catch(unlessDown(descriptor));
    }
    if (message === null) return -EFLOWDOWN;
    if (message.length > 0) return message;
  }
}

async function write(descriptor: Descriptor, message: Uint8Array): Promise<number> {
  const { flow } = descriptor;
  if (descriptor.has(FLOWFDOWN)) return -EFLOWDOWN;
  if (descriptor.has(FLOWFWNOBLOCK)) {
    const outcome = flow.tryWrite(message);
    if (outcome === 'sent') return message.length;
    if (outcome === 'would-block') return -EAGAIN;
  }
  const written = flow.write(message, { signal: descriptor.downSignal }).then(() => message.length);
  return (await written.catch(unlessDown(descriptor))) ?? -EFLOWDOWN;
}

/** A wait that ended because the flow was set down: `null`. */
function unlessDown(descriptor: Descriptor): (error: unknown) => null {
  return (error) => {
    if (descriptor.has(FLOWFDOWN) && isFlowringError(error, 'FLOWRING_ABORTED')) return null;
    throw error;
  };
}

type SetCalls = Omit<PosixCalls, keyof FlowCalls | 'flow_read' | 'flow_write'>;

function setCalls(table: DescriptorTable): SetCalls {
  const flowOf = (fd: number): Flow | null => {
    const descriptor = table.get(fd);
    return typeof descriptor === 'number' ? null : descriptor.flow;
  };
  return {
    fset_create: () => ({ set: new FlowSet() }),
    fset_destroy: (set) => set?.set.zero(),
    fset_zero: (set) => set?.set.zero(),
    fset_add: (set, fd) => {
      const flow = flowOf(fd);
      return set === null || flow === null ? -EINVAL : result(() => set.set.add(flow));
    },
    fset_del: (set, fd) => {
      const flow = flowOf(fd);
      if (set === null || flow === null) return -EINVAL;
      set.set.delete(flow);
      return 0;
    },
    fset_has: (set, fd) => {
      const flow = flowOf(fd);
      return set !== null && flow !== null && set.set.has(flow);
    },
    fqueue_create: () => ({ events: [], current: null }),
    fqueue_destroy: (fq) => {
      if (fq !== null) fq.events = [];
    },
    fqueue_next: (fq) => (fq === null ? -EINVAL : nextEvent(table, fq)),
    fqueue_type: (fq) => {
      if (fq === null) return -EINVAL;
      return fq.current === null ? -EPERM : EVENT_NUMBERS[fq.current.type];
    },
    fevent: (set, fq, timeo) =>
      guarded(timeo, async (timeoutMs) => {
        if (set === null || fq === null) return -EINVAL;
        if (fq.events.length > 0) return 1;
        fq.current = null;
        fq.events = [await set.set.next({ timeoutMs }), ...rest(set.set)];
        return 1;
      }),
  };
}

/** What else there is to tell, each flow and type once: a set tells a readable flow again and again. */
function rest(set: FlowSet): FlowEvent[] {
  const events: FlowEvent[] = [];
  for (let i = set.size * 2; i > 0; i--) {
    const event = set.poll();
    if (event === null) break;
    if (!events.some((one) => one.flow === event.flow && one.type === event.type)) events.push(event);
  }
  return events;
}

/** The next event's descriptor; events of flows deallocated meanwhile are skipped. */
function nextEvent(table: DescriptorTable, fq: FqueueT): number {
  for (let event = fq.events.shift(); event !== undefined; event = fq.events.shift()) {
    const fd = event.flow && table.numberOf(event.flow);
    if (fd === undefined) continue;
    fq.current = event;
    return fd;
  }
  fq.current = null;
  return -EPERM;
}

function isCount(count: number, buf: Uint8Array | null): boolean {
  return Number.isInteger(count) && count >= 0 && count <= (buf?.length ?? 0);
}

/** Runs a call that may wait: `timeo` checked, errors turned into their negative number. */
async function guarded(
  timeo: Timespec | null | undefined,
  call: (timeoutMs?: number) => Promise<number>,
): Promise<number> {
  if (timeo !== null && timeo !== undefined && !isTimespec(timeo)) return -EINVAL;
  try {
    return await (timeo ? call(toMs(timeo)) : call());
  } catch (error) {
    return negative(error);
  }
}

function result(call: () => void): number {
  try {
    call();
    return 0;
  } catch (error) {
    return negative(error);
  }
}

function negative(error: unknown): number {
  return -(isFlowringError(error) ? error.errno : ERROR_TABLE.FLOWRING_INTERNAL.errno);
}
