import type { AttestedProcess, ControlMessage, ControlType, ManagementType } from '@flowring/common';
import { LIMITS, MANAGEMENT } from '@flowring/common';
import { accept, closeAcceptor } from './acceptance.ts';
import { allocate, incomingRequest, requestTimedOut } from './allocation.ts';
import { programEnded, starterTimedOut } from './autostart.ts';
import { channelFailed, channelMade } from './channel-events.ts';
import { channelDown, channelUp } from './channels.ts';
import { cancel, deallocate, incomingGone, ipcpRefused, ipcpReleased } from './deallocation.ts';
import type { Effect, Input } from './inputs.ts';
import type { IrmCounters } from './irm-state.ts';
import { DAEMON_PROCESS, IrmState, errorMessage } from './irm-state.ts';
import { bindCommands, bindNewProcess } from './management/bind-commands.ts';
import type { Command } from './management/handlers.ts';
import { ipcpCommands } from './management/ipcp-commands.ts';
import { listCommands } from './management/list-commands.ts';
import { reportCommands } from './management/report-commands.ts';
import { nameCommands } from './management/name-commands.ts';
import { opened } from './leases.ts';
import { answer, layerConfirmed, layerPath } from './matching.ts';
import { processGone } from './process-end.ts';
import type { ProcessEntry } from './registry/process.ts';
import { createProcess } from './registry/process.ts';
import type { IrmSettings } from './settings.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { errandFailed, errandReply, ipcpEnded, ipcpJoined, ipcpTimedOut } from './supervision.ts';

/**
 * The IRMd without its I/O: what happens goes in with the time, what is to be done comes out, in order. Knows
 * every process, name, layer and flow endpoint of this host. No clock, no randomness, no promise inside.
 */
export class IrmMachine {
  readonly #irm: IrmState;

  constructor(settings: Partial<IrmSettings> = {}) {
    this.#irm = new IrmState({ ...DEFAULT_SETTINGS, ...settings });
  }

  /** Takes one input at `nowUs` and returns what to do. The array is the caller's. */
  handle(input: Input, nowUs: number): readonly Effect[] {
    const irm = this.#irm;
    irm.nowUs = nowUs;
    this.#dispatch(input);
    return this.#takeEffects();
  }

  /** When {@link handleTimeout} wants to be called, µs; `null` for never. */
  nextTimeout(): number | null {
    return this.#irm.deadlines.peek()?.deadlineUs ?? null;
  }

  /** Does what is due by `nowUs`. */
  handleTimeout(nowUs: number): readonly Effect[] {
    const irm = this.#irm;
    irm.nowUs = nowUs;
    for (let due = irm.deadlines.peek(); due !== undefined; due = irm.deadlines.peek()) {
      if (due.deadlineUs > nowUs) break;
      if (due.timer === 'request') requestTimedOut(irm, due);
      else if (due.timer === 'starter') starterTimedOut(irm, due);
      else if (due.timer === 'ipcp') ipcpTimedOut(irm, due);
      else errandFailed(irm, due, 'FLOWRING_IPCP', `IPCP ${due.ipcp.name} did not answer in time`);
    }
    return this.#takeEffects();
  }

  /** Whether one more process may register. */
  get hasRoom(): boolean {
    return this.#irm.processes.size <= LIMITS.processesMax;
  }

  get counters(): Readonly<IrmCounters> {
    return this.#irm.counters;
  }

  /** Objects in the registry, by kind: all 0 (but ids that count up) when nobody uses the daemon. */
  get population(): Readonly<
    Record<'processes' | 'names' | 'flows' | 'leases' | 'channels' | 'timers' | 'errands', number>
  > {
    const irm = this.#irm;
    return {
      processes: irm.processes.size - 1,
      names: irm.names.size,
      flows: irm.flows.size,
      leases: irm.leases.size,
      channels: irm.channels.size,
      timers: irm.deadlines.size,
      errands: irm.errands.size,
    };
  }

  #dispatch(input: Input): void {
    const irm = this.#irm;
    switch (input.type) {
      case 'process-joined':
        return join(irm, input.process);
      case 'message': {
        const process = irm.processes.get(input.process);
        if (process === undefined) irm.counters.stale += 1;
        else handleMessage(irm, process, input.message, input.target ?? null);
        return;
      }
      case 'process-gone': {
        const process = irm.processes.get(input.process);
        if (process !== undefined && input.process !== DAEMON_PROCESS) processGone(irm, process);
        return;
      }
      case 'channel-made':
        return channelMade(irm, input.channel, input.token);
      case 'channel-failed':
        return channelFailed(irm, input.channel, input.reason);
      default:
        return handleChild(irm, input);
    }
  }

  #takeEffects(): readonly Effect[] {
    const { effects } = this.#irm;
    this.#irm.effects = [];
    return effects;
  }
}

function join(irm: IrmState, joined: AttestedProcess): void {
  const process = createProcess(joined);
  irm.processes.set(process.id, process);
  irm.publish('process-joined', {
    process: process.id,
    pid: joined.pid,
    program: joined.program,
    kind: joined.kind,
  });
  if (joined.kind === 'ipcp' && !ipcpJoined(irm, process)) {
    irm.counters.violations += 1;
    irm.effects.push({ type: 'drop', process: process.id, reason: 'not an IPCP that this daemon started' });
  }
  bindNewProcess(irm, process);
}

type ChildInput = Extract<Input, { readonly child: number }>;

function handleChild(irm: IrmState, input: ChildInput): void {
  const owner = irm.children.get(input.child);
  if (owner === undefined) return;
  if (input.type === 'child-started') {
    if (owner.timer === 'ipcp' && owner.child === input.child) {
      owner.token = input.token;
      owner.pid = input.pid;
    }
    return;
  }
  irm.children.delete(input.child);
  const outcome = input.type === 'spawn-failed' ? input.reason : input.outcome;
  if (owner.timer === 'ipcp') ipcpEnded(irm, owner, input.child, outcome);
  else programEnded(irm, owner, input.child, outcome);
}

const COMMANDS = { ...nameCommands, ...bindCommands, ...ipcpCommands, ...listCommands, ...reportCommands };

const MANAGEMENT_TYPES: ReadonlySet<string> = new Set(MANAGEMENT);

function handleMessage(
  irm: IrmState,
  process: ProcessEntry,
  message: ControlMessage,
  target: Command['target'],
): void {
  const fromFlow = FLOW_MESSAGES[message.t];
  if (fromFlow !== undefined) return fromFlow(irm, process, message);
  if (MANAGEMENT_TYPES.has(message.t)) {
    const { req } = message as ControlMessage<ManagementType>;
    const run = COMMANDS[message.t as ManagementType] as (irm: IrmState, command: Command) => void;
    const from = { process: process.id, req };
    return run(irm, { message: message as ControlMessage<ManagementType>, from, caller: process, target });
  }
  if (process.ipcp !== null && IPCP_MESSAGES[message.t] !== undefined) {
    return IPCP_MESSAGES[message.t]!(irm, process, message);
  }
  irm.counters.violations += 1;
  const req = 'req' in message ? message.req : undefined;
  if (req === undefined || message.t === 'ok' || message.t === 'error') return;
  irm.send(process, errorMessage(req, 'FLOWRING_PROTOCOL', `unexpected message ${message.t}`));
}

type Take = (irm: IrmState, process: ProcessEntry, message: ControlMessage) => void;

/** Pairs a message type with its handler; the table is keyed by the type, so the message has it. */
function on<T extends ControlType>(
  take: (irm: IrmState, process: ProcessEntry, message: ControlMessage<T>) => void,
): Take {
  return take as unknown as Take;
}

const FLOW_MESSAGES: Partial<Record<ControlType, Take>> = {
  alloc: on<'alloc'>(allocate),
  cancel: on<'cancel'>((irm, process, { req }) => cancel(irm, process.requests.get(req))),
  accept: on<'accept'>(accept),
  'accept-close': on<'accept-close'>((irm, process, { acceptor }) => closeAcceptor(irm, process, acceptor)),
  answer: on<'answer'>(answer),
  opened: on<'opened'>(opened),
  dealloc: on<'dealloc'>((irm, process, { flow }) => deallocate(irm, process, flow)),
  'channel-up': on<'channel-up'>((irm, process, { channel }) => channelUp(irm, process, channel)),
  'channel-down': on<'channel-down'>((irm, process, { channel }) => channelDown(irm, process, channel)),
};

const IPCP_MESSAGES: Partial<Record<ControlType, Take>> = {
  'ipcp-allocated': on<'ipcp-allocated'>(layerConfirmed),
  'ipcp-refused': on<'ipcp-refused'>((irm, process, { flow, code }) => ipcpRefused(irm, process, flow, code)),
  'ipcp-incoming': on<'ipcp-incoming'>(incomingRequest),
  'ipcp-incoming-gone': on<'ipcp-incoming-gone'>((irm, process, { incoming }) =>
    incomingGone(irm, process.incoming.get(incoming)),
  ),
  'ipcp-released': on<'ipcp-released'>((irm, process, { flow }) => ipcpReleased(irm, process, flow)),
  'ipcp-path': on<'ipcp-path'>(layerPath),
  ok: on<'ok'>((irm, process, message) => errandReply(irm, process.ipcp!, message)),
  error: on<'error'>((irm, process, message) => errandReply(irm, process.ipcp!, message)),
};
