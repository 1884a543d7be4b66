import type { IrmState } from '../irm-state.ts';
import { DAEMON_PROCESS } from '../irm-state.ts';
import type { FlowEntry } from '../registry/flow.ts';
import type { IpcpEntry } from '../registry/ipcp.ts';
import type { NameEntry } from '../registry/name.ts';
import type { ProcessEntry } from '../registry/process.ts';
import type { Handlers } from './handlers.ts';

/** Characters of JSON that one page of a list may have: well below the control frame's bound. */
const PAGE_CHARS = 16_000;

/** A page of a list: `next` is the `after` of the following page, `null` on the last. */
export interface ListPage<R = Readonly<Record<string, unknown>>> {
  readonly rows: readonly R[];
  readonly next: number | null;
}

export const listCommands: Handlers<'name-list' | 'ipcp-list' | 'process-list' | 'status' | 'shutdown'> = {
  'name-list'(irm, { message, from }) {
    irm.reply(from, pageOf(irm.names.values(), message.after ?? 0, nameRow));
  },
  'ipcp-list'(irm, { from }) {
    irm.reply(from, { rows: [...irm.ipcps.values()].map(ipcpRow), next: null });
  },
  'process-list'(irm, { message, from }) {
    irm.reply(from, pageOf(registered(irm), message.after ?? 0, processRow));
  },
  status(irm, { from }) {
    irm.reply(from, statusOf(irm));
  },
  shutdown(irm, { caller, from }) {
    if (!irm.isPrivileged(caller.joined.uid)) {
      return irm.fail(from, 'FLOWRING_PERMISSION', "only root and the daemon's user may stop it");
    }
    irm.reply(from, {});
    irm.effects.push({ type: 'shutdown' });
  },
};

export function statusOf(irm: IrmState) {
  let channels = 0;
  for (const [id, channel] of irm.channels) if (channel.id === id) channels += 1;
  return {
    pid: irm.settings.ownPid,
    processes: irm.processes.size - 1,
    names: irm.names.size,
    ipcps: irm.ipcps.size,
    flows: irm.flows.size,
    channels,
    counters: { ...irm.counters },
  };
}

function* registered(irm: IrmState): Generator<ProcessEntry, void, undefined> {
  for (const process of irm.processes.values()) if (process.id !== DAEMON_PROCESS) yield process;
}

/** The rows from position `after` on that fit a page. */
export function pageOf<T, R>(items: Iterable<T>, after: number, rowOf: (item: T) => R): ListPage<R> {
  const rows: R[] = [];
  let chars = 0;
  let position = 0;
  for (const item of items) {
    position += 1;
    if (position <= after) continue;
    if (chars > PAGE_CHARS) return { rows, next: position - 1 };
    const row = rowOf(item);
    chars += JSON.stringify(row).length;
    rows.push(row);
  }
  return { rows, next: null };
}

function nameRow(name: NameEntry): Readonly<Record<string, unknown>> {
  return {
    name: name.text,
    policy: name.policy,
    owner: name.ownerUid,
    implicit: name.implicit,
    programs: [...name.programs].map(({ program, auto }) => ({ program, auto })),
    pids: [...name.processes].slice(0, 64).map((process) => process.joined.pid),
    processes: name.processes.size,
    acceptors: name.ready.size,
    waiting: name.waiting.size,
    registrations: [...name.registrations].map((ipcp) => ({ ipcp: ipcp.name, layer: ipcp.layer })),
  };
}

function ipcpRow(ipcp: IpcpEntry): Readonly<Record<string, unknown>> {
  return {
    ipcp: ipcp.name,
    type: ipcp.type,
    layer: ipcp.layer,
    config: ipcp.config ?? {},
    state: ipcp.state,
    pid: ipcp.process?.joined.pid ?? ipcp.pid,
    owner: ipcp.ownerUid,
    names: ipcp.names.size,
    restarts: ipcp.restarts,
  };
}

export function flowRow(flow: FlowEntry) {
  return {
    flow: flow.id,
    name: flow.name,
    state: flow.state,
    path: flow.path,
    service: flow.service,
    layer: flow.layer,
    client: flow.client.joined.pid,
    clientProgram: flow.client.joined.program,
    server: flow.server?.joined.pid ?? null,
    serverProgram: flow.server?.joined.program ?? null,
    phase: flow.request?.phase ?? null,
  };
}

function processRow(process: ProcessEntry): Readonly<Record<string, unknown>> {
  const { joined } = process;
  return {
    process: process.id,
    pid: joined.pid,
    uid: joined.uid,
    kind: joined.kind,
    program: joined.program,
    names: [...process.names.keys()].slice(0, 64).map((name) => name.text),
    flows: process.requests.size + process.incoming.size + process.servedCount,
    channels: process.channels.size,
  };
}
