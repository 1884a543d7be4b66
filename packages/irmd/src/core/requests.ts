import type { ErrorCode, ErrorDetails } from '@flowring/common';
import { moveFlow } from './flow-events.ts';
import type { FlowEvent } from './flow-states.ts';
import type { IrmState } from './irm-state.ts';
import { errorMessage } from './irm-state.ts';
import type { NameEntry } from './registry/name.ts';
import type { Request, RequestPhase } from './request.ts';

export function wait(irm: IrmState, request: Request, phase: RequestPhase, untilUs: number): void {
  request.phase = phase;
  irm.deadlines.set(request, untilUs);
}

export function waitInGrace(irm: IrmState, request: Request): void {
  wait(irm, request, 'grace', Math.min(request.expiresUs, irm.after(irm.settings.acceptorGraceMs)));
}

/** Ends a request with an error for its client. The server, if there was one, has been told or knows. */
export function refuse(
  irm: IrmState,
  request: Request,
  code: ErrorCode,
  message?: string,
  details?: ErrorDetails,
  event: FlowEvent = 'refused',
): void {
  if (!moveFlow(irm, request.flow, event)) return;
  irm.counters.refused += 1;
  tellRefusal(irm, request, code, message, details);
  settle(irm, request);
}

export function settle(irm: IrmState, request: Request): void {
  irm.deadlines.clear(request);
  request.client.pendingCount -= 1;
  request.flow.request = null;
  if (request.name === null) return;
  request.name.waiting.remove(request);
  forgetIfUnused(irm, request.name);
}

export function tellRefusal(
  irm: IrmState,
  request: Request,
  code: ErrorCode,
  message?: string,
  details?: ErrorDetails,
): void {
  if (request.incoming) irm.send(request.client, { t: 'ipcp-refuse', incoming: request.req, code });
  else
    irm.send(request.client, errorMessage(request.req, code, message, details ?? { name: request.nameText }));
}

/** A name that a program made by accepting on it goes with the last that serves or wants it. */
export function forgetIfUnused(irm: IrmState, name: NameEntry): void {
  if (!name.implicit || name.processes.size > 0 || name.waiting.size > 0) return;
  if (name.programs.size > 0 || name.registrations.size > 0) return;
  if (irm.names.get(name.text) !== name) return;
  irm.names.delete(name.text);
  if (name.starter !== null) irm.deadlines.clear(name.starter);
  irm.publish('name-destroyed', { name: name.text });
}
