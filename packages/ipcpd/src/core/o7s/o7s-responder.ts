import { errnoOf, LIMITS, qosCubes, type ErrorCode, type FlowId } from '@flowring/common';
import type { InstantUs } from '@flowring/frcp';
import type { PeerAddress } from '../fa-flow.ts';
import type { FaInput } from '../fa-messages.ts';
import { requestHash } from './digest.ts';
import type { FlowRequest } from './management-frame.ts';
import { requestRefusal, stampOf } from './oap-checks.ts';
import type { OapHeader } from './oap-header.ts';
import { decodeOap, encodeOap, plainOap } from './oap-header.ts';
import type { O7sContext } from './o7s-context.ts';
import { newO7sFlow, PEER_GONE } from './o7s-context.ts';
import type { O7sFlow } from './o7s-flow.ts';
import { watchFlow } from './o7s-liveness.ts';

/**
 * How long a request may wait for our program, ms. A C client waits 20 s and then gives its EID to its next flow, of
 * which a later answer of ours would be taken for the answer.
 */
export const REQUEST_HOLD_MS = 15_000;
const EMPTY = new Uint8Array(0);

//= R-OUDP-32
export function onRequest(fa: O7sContext, from: PeerAddress, request: FlowRequest, nowUs: InstantUs): void {
  const oap = decodeOap(request.oap, 0);
  //= R-OUDP-35
  if (oap === null || request.sEid === 0) {
    fa.stats.framesMalformed += 1;
    return;
  }
  const seen = noteSeen(fa, oap, nowUs);
  if (seen === 'copy') {
    fa.stats.requestsRepeated += 1;
    return;
  }
  const name = fa.options.names.nameOf(request.nameHash);
  const isFull = seen === 'full' || !fa.eids.hasRoom || fa.incoming.size >= LIMITS.incomingMax;
  const code = isFull ? 'FLOWRING_TOO_MANY' : requestRefusal(oap, fa.options.utcUs(nowUs));
  if (isFull) fa.stats.requestsOverBound += 1;
  if (code !== null) answerNo(fa, from, request.sEid, code);
  else if (name === null) {
    //= R-OUDP-34
    fa.stats.requestsUnknownName += 1;
    answerNo(fa, from, request.sEid, 'FLOWRING_NAME_UNKNOWN');
  } else offer(fa, from, request, oap, name, nowUs);
}

function noteSeen(fa: O7sContext, oap: OapHeader, nowUs: InstantUs): 'new' | 'copy' | 'full' {
  const wasEmpty = fa.seen.size === 0;
  const seen = fa.seen.note(oap.id, nowUs);
  if (wasEmpty) expireSeen(fa, nowUs);
  return seen;
}

export function expireSeen(fa: O7sContext, nowUs: InstantUs): void {
  fa.seen.expire(nowUs);
  const nextUs = fa.seen.nextExpiryUs();
  if (nextUs !== null) fa.timers.add(nextUs + SEEN_BATCH_US, { kind: 'seen-requests' });
}

/** Ids are forgotten in batches: a wake-up for each would cost more than their room. */
const SEEN_BATCH_US = 5_000_000;

function offer(
  fa: O7sContext,
  from: PeerAddress,
  request: FlowRequest,
  oap: OapHeader,
  name: string,
  nowUs: InstantUs,
): void {
  const incoming = drawIncoming(fa);
  const flow = newO7sFlow({ incoming, peer: from, qos: request.qos }, nowUs);
  flow.rEid = request.sEid;
  flow.offered = { id: oap.id, hashOfRequest: requestHash(fa.options.digest, oap.digestNid, request.oap) };
  if (oap.certificate.length > 0) fa.stats.certificatesUnchecked += 1;
  fa.step(flow, 'offer');
  fa.incoming.set(incoming, flow);
  fa.arm(flow, nowUs + REQUEST_HOLD_MS * 1_000);
  const { params } = fa.options;
  const { qos } = request;
  const message = { t: 'ipcp-incoming', incoming, name, qos, timeoutMs: REQUEST_HOLD_MS, params } as const;
  fa.tell(oap.data.length > 0 ? { ...message, data: oap.data } : message);
}

/** No answer at all: by now it could meet another flow of the peer's. */
//= R-OUDP-33
export function offerTimedOut(fa: O7sContext, flow: O7sFlow, nowUs: InstantUs): void {
  fa.tell({ t: 'ipcp-incoming-gone', incoming: flow.incoming });
  fa.step(flow, 'timeout');
  fa.close(flow, PEER_GONE, nowUs);
}

export function accept(fa: O7sContext, input: Extract<FaInput, { t: 'accept' }>, nowUs: InstantUs): void {
  if (fa.flows.has(input.flow)) return;
  const flow = fa.incoming.get(input.incoming);
  if (flow === undefined) {
    endAtOnce(fa, input.flow, PEER_GONE, nowUs);
    return;
  }
  //= R-OUDP-38
  if (input.data !== undefined && input.data.length > 0) {
    refuse(fa, input.incoming, 'FLOWRING_NOT_SUPPORTED', nowUs);
    endAtOnce(fa, input.flow, errnoOf('FLOWRING_NOT_SUPPORTED'), nowUs);
    return;
  }
  fa.incoming.delete(input.incoming);
  const { id, hashOfRequest } = flow.offered!;
  flow.offered = null;
  fa.step(flow, 'accept');
  // The format has no confirmation: silence is all that ends a flow whose reply was lost.
  fa.step(flow, 'heard');
  flow.flow = input.flow;
  flow.sEid = fa.eids.draw();
  fa.eids.use({ sEid: flow.sEid, flow });
  fa.flows.set(flow.flow, flow);
  watchFlow(fa, flow, nowUs);
  fa.bind(flow);
  const oap = encodeOap(plainOap(id, stampOf(fa.options.utcUs(nowUs)), hashOfRequest));
  fa.sendFrame(flow.peer, { t: 'reply', sEid: flow.rEid, dEid: flow.sEid, response: 0, oap });
}

/** The request is gone or cannot be answered: the application gets a flow that is over. */
function endAtOnce(fa: O7sContext, id: FlowId, errno: number, nowUs: InstantUs): void {
  const flow = newO7sFlow({ flow: id, peer: '', qos: qosCubes.raw }, nowUs);
  fa.step(flow, 'acceptTooLate');
  fa.flows.set(id, flow);
  fa.out.push({ t: 'ended', flow: id, errno });
}

export function refuse(fa: O7sContext, incoming: number, code: ErrorCode, nowUs: InstantUs): void {
  const flow = fa.incoming.get(incoming);
  if (flow === undefined) return;
  answerNo(fa, flow.peer, flow.rEid, code);
  fa.step(flow, 'refuse');
  fa.close(flow, errnoOf(code), nowUs);
}

function answerNo(fa: O7sContext, to: PeerAddress, sEid: number, code: ErrorCode): void {
  fa.sendFrame(to, { t: 'reply', sEid, dEid: 0, response: -errnoOf(code), oap: EMPTY });
}

function drawIncoming(fa: O7sContext): number {
  do fa.incomingLast = (fa.incomingLast + 1) >>> 0 || 1;
  while (fa.incoming.has(fa.incomingLast));
  return fa.incomingLast;
}
