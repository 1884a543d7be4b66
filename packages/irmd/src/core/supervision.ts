import type { ControlMessage, ErrorCode } from '@flowring/common';
import type { Errand, Failure } from './errands.ts';
import { batchStep, forgetErrand, gathered, sendErrand, takeErrand } from './errands.ts';
import type { IrmState } from './irm-state.ts';
import { queryAnswered } from './layer-routes.ts';
import { bindProcess } from './names.ts';
import type { IpcpEntry, Requester } from './registry/ipcp.ts';
import { createIpcp } from './registry/ipcp.ts';
import type { ProcessEntry } from './registry/process.ts';
import { registerWith, registrationRefused } from './registrations.ts';

/** Starts an IPCP; its creator hears when it has said hello. */
export function createIpcpProcess(
  irm: IrmState,
  name: string,
  type: string,
  ownerUid: number,
  creator: Requester,
): void {
  const ipcp = createIpcp(name, type, ownerUid, creator);
  irm.ipcps.set(name, ipcp);
  startIpcp(irm, ipcp);
}

/** Ends an IPCP for good; the requester hears when its process has ended. */
export function destroyIpcp(irm: IrmState, ipcp: IpcpEntry, destroyer: Requester): void {
  ipcp.destroyer = destroyer;
  ipcp.state = 'destroying';
  irm.deadlines.clear(ipcp);
  if (ipcp.child === 0) return removeIpcp(irm, ipcp);
  irm.effects.push({ type: 'kill', child: ipcp.child });
}

/** Asks an IPCP to join its layer. */
export function bootstrapIpcp(
  irm: IrmState,
  ipcp: IpcpEntry,
  layer: string,
  requester: Requester | null,
): void {
  ipcp.state = 'bootstrapping';
  const message = { t: 'ipcp-bootstrap', layer } as const;
  sendErrand(
    irm,
    ipcp,
    ipcp.config === undefined ? message : { ...message, config: ipcp.config },
    { type: 'bootstrap', layer, requester },
    irm.settings.ipcpRequestMs,
  );
}

/** A process said hello as an IPCP: true if it is one that we started. */
export function ipcpJoined(irm: IrmState, process: ProcessEntry): boolean {
  const { token } = process.joined;
  if (token === undefined || token === '') return false;
  for (const ipcp of irm.ipcps.values()) {
    if (ipcp.token !== token || ipcp.process !== null || ipcp.child === 0) continue;
    ipcp.process = process;
    process.ipcp = ipcp;
    irm.deadlines.clear(ipcp);
    if (ipcp.state === 'destroying') return true;
    ipcp.state = 'idle';
    if (ipcp.creator !== null) {
      irm.reply(ipcp.creator, { ipcp: ipcp.name, type: ipcp.type, pid: process.joined.pid });
      ipcp.creator = null;
      irm.publish('ipcp-created', { ipcp: ipcp.name, ipcpType: ipcp.type, pid: process.joined.pid });
    }
    for (const name of ipcp.serves) bindProcess(irm, process, name, 'bound');
    if (ipcp.layer !== null) bootstrapIpcp(irm, ipcp, ipcp.layer, null);
    return true;
  }
  return false;
}

/** Its lifeline closed: what it was asked fails; a child that still runs is ended, and then restarted. */
export function ipcpGone(irm: IrmState, ipcp: IpcpEntry): void {
  ipcp.process = null;
  for (const errand of [...irm.errands.values()]) {
    if (errand.ipcp === ipcp) errandFailed(irm, errand, 'FLOWRING_IPCP', `IPCP ${ipcp.name} ended`);
  }
  if (ipcp.state === 'destroying') return;
  if (ipcp.layer !== null) irm.publish('layer-down', { layer: ipcp.layer, ipcp: ipcp.name });
  ipcp.state = 'restarting';
  if (ipcp.child !== 0) irm.effects.push({ type: 'kill', child: ipcp.child });
}

/** The child ended, or could not be started. */
export function ipcpEnded(irm: IrmState, ipcp: IpcpEntry, child: number, outcome: string): void {
  if (ipcp.child !== child) return;
  ipcp.child = 0;
  ipcp.pid = 0;
  ipcp.token = '';
  irm.deadlines.clear(ipcp);
  if (ipcp.state === 'destroying') return removeIpcp(irm, ipcp);
  if (ipcp.creator !== null) {
    irm.fail(ipcp.creator, 'FLOWRING_IPCP', `IPCP ${ipcp.name} ended before it was ready: ${outcome}`);
    ipcp.creator = null;
    return removeIpcp(irm, ipcp);
  }
  const { stableMs, backoffMinMs, backoffMaxMs } = irm.settings;
  if (irm.nowUs - ipcp.startedUs >= stableMs * 1_000) ipcp.failures = 0;
  ipcp.failures += 1;
  ipcp.state = 'restarting';
  const pauseMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** (ipcp.failures - 1));
  irm.deadlines.set(ipcp, irm.after(pauseMs));
  irm.publish('ipcp-down', { ipcp: ipcp.name, outcome, restartInMs: pauseMs });
}

/** It is time to restart it, or it took too long to say hello. */
export function ipcpTimedOut(irm: IrmState, ipcp: IpcpEntry): void {
  irm.deadlines.clear(ipcp);
  if (ipcp.child !== 0) {
    irm.effects.push({ type: 'kill', child: ipcp.child });
    return;
  }
  if (ipcp.state !== 'restarting') return;
  ipcp.restarts += 1;
  irm.counters.ipcpRestarts += 1;
  startIpcp(irm, ipcp);
}

/** An IPCP's `ok` or `error` to something we asked. */
export function errandReply(
  irm: IrmState,
  ipcp: IpcpEntry,
  message: ControlMessage<'ok'> | ControlMessage<'error'>,
): void {
  const errand = takeErrand(irm, message.req, ipcp);
  if (errand === null) {
    irm.counters.stale += 1;
    return;
  }
  if (message.t === 'error') return concludeFailed(irm, errand, message);
  const { purpose } = errand;
  if (purpose.type === 'query') queryAnswered(irm, purpose.request, ipcp, message.value === true);
  else if (purpose.type === 'batch') batchStep(irm, purpose.batch, null);
  else if (purpose.type === 'report') gathered(purpose.gathering, ipcp, message.value);
  else bootstrapped(irm, ipcp, purpose.layer, purpose.requester);
}

export function errandFailed(irm: IrmState, errand: Errand, code: ErrorCode, text: string): void {
  forgetErrand(irm, errand);
  concludeFailed(irm, errand, { code, message: text });
}

function concludeFailed(irm: IrmState, errand: Errand, failure: Failure): void {
  const { purpose, ipcp } = errand;
  if (purpose.type === 'query') return queryAnswered(irm, purpose.request, ipcp, false, failure);
  if (purpose.type === 'report') return gathered(purpose.gathering, ipcp, null);
  if (purpose.type === 'batch') {
    if (purpose.registers !== null && ipcp.process !== null) {
      registrationRefused(irm.names.get(purpose.registers), ipcp);
    }
    return batchStep(irm, purpose.batch, failure);
  }
  if (purpose.requester !== null) {
    if (ipcp.state === 'bootstrapping') ipcp.state = 'idle';
    ipcp.config = undefined;
    return irm.fail(purpose.requester, failure.code, failure.message, failure.details);
  }
  if (ipcp.child !== 0) irm.effects.push({ type: 'kill', child: ipcp.child });
}

function bootstrapped(irm: IrmState, ipcp: IpcpEntry, layer: string, requester: Requester | null): void {
  if (ipcp.state !== 'bootstrapping') return;
  ipcp.state = 'operational';
  ipcp.layer = layer;
  irm.publish('layer-up', { layer, ipcp: ipcp.name, ipcpType: ipcp.type });
  if (requester !== null) irm.reply(requester, { ipcp: ipcp.name, layer });
  for (const name of ipcp.names) registerWith(irm, name, [ipcp], null, null);
}

function startIpcp(irm: IrmState, ipcp: IpcpEntry): void {
  ipcp.state = 'starting';
  ipcp.child = irm.nextChildId();
  ipcp.startedUs = irm.nowUs;
  irm.children.set(ipcp.child, ipcp);
  irm.deadlines.set(ipcp, irm.after(irm.settings.ipcpStartMs));
  irm.effects.push({ type: 'spawn-ipcp', child: ipcp.child, ipcp: ipcp.name, ipcpType: ipcp.type });
}

function removeIpcp(irm: IrmState, ipcp: IpcpEntry): void {
  irm.ipcps.delete(ipcp.name);
  irm.deadlines.clear(ipcp);
  for (const name of ipcp.names) name.registrations.delete(ipcp);
  if (ipcp.creator !== null) irm.fail(ipcp.creator, 'FLOWRING_IPCP', `IPCP ${ipcp.name} was destroyed`);
  irm.publish('ipcp-destroyed', { ipcp: ipcp.name, layer: ipcp.layer });
  if (ipcp.destroyer !== null) irm.reply(ipcp.destroyer, { ipcp: ipcp.name });
}
