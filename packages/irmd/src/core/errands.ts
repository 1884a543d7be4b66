import type { ControlMessage, ErrorCode, ErrorDetails } from '@flowring/common';
import type { Timed } from './deadline-heap.ts';
import type { IrmState } from './irm-state.ts';
import type { IpcpEntry, Requester } from './registry/ipcp.ts';
import type { Request } from './request.ts';

/** Why an errand failed, in the IPCP's words or ours. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message?: string;
  readonly details?: ErrorDetails;
}

/** A management request that is done when several IPCPs have answered; the first error is its outcome. */
export interface Batch {
  readonly requester: Requester | null;
  /** What the requester gets when all went well. */
  readonly value: unknown;
  open: number;
  error: Failure | null;
}

/** What several IPCPs were asked at once. */
export interface Gathering {
  open: number;
  readonly answers: Map<IpcpEntry, unknown>;
  readonly done: (answers: ReadonlyMap<IpcpEntry, unknown>) => void;
}

/** An IPCP has answered, or will not. */
export function gathered(gathering: Gathering, ipcp: IpcpEntry, answer: unknown): void {
  gathering.answers.set(ipcp, answer);
  gathering.open -= 1;
  if (gathering.open === 0) gathering.done(gathering.answers);
}

export type ErrandPurpose =
  | { readonly type: 'bootstrap'; readonly layer: string; readonly requester: Requester | null }
  | { readonly type: 'batch'; readonly batch: Batch; readonly registers: string | null }
  | { readonly type: 'query'; readonly request: Request }
  | { readonly type: 'report'; readonly gathering: Gathering };

/** Something asked of an IPCP, until it answers, its time is over, or it dies. */
export interface Errand extends Timed {
  readonly timer: 'errand';
  readonly req: number;
  readonly ipcp: IpcpEntry;
  readonly purpose: ErrandPurpose;
}

type ErrandMessage =
  | Omit<ControlMessage<'ipcp-bootstrap'>, 'req'>
  | Omit<ControlMessage<'ipcp-register'>, 'req'>
  | Omit<ControlMessage<'ipcp-unregister'>, 'req'>
  | Omit<ControlMessage<'ipcp-query'>, 'req'>
  | Omit<ControlMessage<'ipcp-flows'>, 'req'>
  | Omit<ControlMessage<'ipcp-metrics'>, 'req'>;

/** Asks an IPCP that is connected. */
export function sendErrand(
  irm: IrmState,
  ipcp: IpcpEntry,
  message: ErrandMessage,
  purpose: ErrandPurpose,
  timeoutMs: number,
): void {
  const req = irm.nextErrandId();
  const errand: Errand = { timer: 'errand', deadlineUs: 0, heapIndex: -1, req, ipcp, purpose };
  irm.errands.set(req, errand);
  irm.deadlines.set(errand, irm.after(timeoutMs));
  irm.send(ipcp.process!, { ...message, req });
}

/** Takes an errand out of the books, to be concluded. */
export function takeErrand(irm: IrmState, req: number, ipcp: IpcpEntry): Errand | null {
  const errand = irm.errands.get(req);
  if (errand === undefined || errand.ipcp !== ipcp) return null;
  forgetErrand(irm, errand);
  return errand;
}

export function forgetErrand(irm: IrmState, errand: Errand): void {
  irm.errands.delete(errand.req);
  irm.deadlines.clear(errand);
}

/** One of a batch is done. */
export function batchStep(irm: IrmState, batch: Batch, error: Failure | null): void {
  batch.open -= 1;
  batch.error ??= error;
  if (batch.open > 0 || batch.requester === null) return;
  if (batch.error === null) irm.reply(batch.requester, batch.value);
  else irm.fail(batch.requester, batch.error.code, batch.error.message, batch.error.details);
}
