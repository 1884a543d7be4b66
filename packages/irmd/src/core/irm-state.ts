import type { ControlMessage, ErrorCode, ErrorDetails } from '@flowring/common';
import type { Errand } from './errands.ts';
import type { Starter } from './autostart.ts';
import { DeadlineHeap } from './deadline-heap.ts';
import type { Effect, EventFields } from './inputs.ts';
import type { Channel } from './registry/channel.ts';
import { FlowTable } from './registry/flow.ts';
import { LeaseTable } from './registry/lease.ts';
import type { IpcpEntry, Requester } from './registry/ipcp.ts';
import type { NameEntry } from './registry/name.ts';
import type { ProcessEntry } from './registry/process.ts';
import { createProcess } from './registry/process.ts';
import { ProgramRegistry } from './registry/program.ts';
import type { Request } from './request.ts';
import type { IrmSettings } from './settings.ts';

/** The daemon itself, as the process that its configuration and its own orders come from. */
export const DAEMON_PROCESS = 0;

/** A process bound by pid before it registered; the start time tells it from a later one of that pid. */
export interface PidBinding {
  readonly uid: number;
  readonly startTicks: number;
  readonly names: Set<NameEntry>;
}

/** What can time out. */
export type Timer = Request | Starter | IpcpEntry | Errand;

/** Plain counters, shown by `irm status`. */
export interface IrmCounters {
  allocations: number;
  allocated: number;
  /** Flows that their ends opened on a lease and that lived long enough to be told of. */
  leasedFlows: number;
  refused: number;
  timedOut: number;
  cancelled: number;
  deallocated: number;
  /** Messages about objects that are gone: normal when two messages cross. */
  stale: number;
  /** Messages a correct process does not send. */
  violations: number;
  /** Pairs of state and event that are not in the table. */
  unlistedTransitions: number;
  channelsMade: number;
  programsStarted: number;
  ipcpRestarts: number;
}

/** All state of the IRMd's core, with what the inputs being handled have caused so far. */
export class IrmState {
  readonly settings: IrmSettings;
  readonly processes = new Map<number, ProcessEntry>();
  readonly names = new Map<string, NameEntry>();
  readonly programs = new ProgramRegistry();
  readonly ipcps = new Map<string, IpcpEntry>();
  readonly flows = new FlowTable();
  readonly leases = new LeaseTable();
  readonly channels = new Map<number, Channel>();
  readonly children = new Map<number, IpcpEntry | Starter>();
  readonly errands = new Map<number, Errand>();
  /** Names for processes that were bound by pid and have not registered, by pid. */
  readonly pidBindings = new Map<number, PidBinding>();
  readonly deadlines = new DeadlineHeap<Timer>();
  readonly counters: IrmCounters = {
    allocations: 0,
    allocated: 0,
    leasedFlows: 0,
    refused: 0,
    timedOut: 0,
    cancelled: 0,
    deallocated: 0,
    stale: 0,
    violations: 0,
    unlistedTransitions: 0,
    channelsMade: 0,
    programsStarted: 0,
    ipcpRestarts: 0,
  };
  effects: Effect[] = [];
  nowUs = 0;
  #lastChannel = 0;
  #lastChild = 0;
  #lastErrand = 0;
  #lastOrder = 0;

  constructor(settings: IrmSettings) {
    this.settings = settings;
    const daemon = createProcess({
      process: DAEMON_PROCESS,
      pid: 0,
      uid: settings.ownUid,
      gid: 0,
      startTicks: 0,
      kind: 'tool',
      program: 'irmd',
      path: 'irmd',
      channels: [],
    });
    this.processes.set(DAEMON_PROCESS, daemon);
  }

  nextChannelId(): number {
    return (this.#lastChannel += 1);
  }

  nextChildId(): number {
    return (this.#lastChild += 1);
  }

  nextErrandId(): number {
    return (this.#lastErrand = this.#lastErrand >= 0xffff_ffff ? 1 : this.#lastErrand + 1);
  }

  nextOrder(): number {
    return (this.#lastOrder += 1);
  }

  send(process: ProcessEntry, message: ControlMessage): void {
    this.effects.push({ type: 'send', process: process.id, message });
  }

  publish(event: string, fields: EventFields): void {
    this.effects.push({ type: 'publish', event, fields });
  }

  reply(to: Requester, value?: unknown): void {
    const message = value === undefined ? { t: 'ok', req: to.req } : { t: 'ok', req: to.req, value };
    this.effects.push({ type: 'send', process: to.process, message: message as ControlMessage<'ok'> });
  }

  fail(to: Requester, code: ErrorCode, message?: string, details?: ErrorDetails): void {
    this.effects.push({
      type: 'send',
      process: to.process,
      message: errorMessage(to.req, code, message, details),
    });
  }

  /** The time `ms` from now, µs. */
  after(ms: number): number {
    return this.nowUs + ms * 1_000;
  }

  /** Whether a process of `uid` may change what `ownerUid` owns. */
  mayChange(uid: number, ownerUid: number): boolean {
    return uid === ownerUid || this.isPrivileged(uid);
  }

  isPrivileged(uid: number): boolean {
    return uid === 0 || uid === this.settings.ownUid;
  }
}

export function errorMessage(
  req: number,
  code: ErrorCode,
  message?: string,
  details?: ErrorDetails,
): ControlMessage<'error'> {
  return {
    t: 'error',
    req,
    code,
    ...(message === undefined ? {} : { message }),
    ...(details === undefined ? {} : { details }),
  };
}
