import { codeOfErrno, errnoOf, type ErrorCode } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { PeerAddress } from '../fa-flow.ts';
import type { FaInput } from '../fa-messages.ts';
import { requestHash, requestHashBytes } from './digest.ts';
import type { FlowReply } from './management-frame.ts';
import { nameHash } from './name-hash.ts';
import { replyFault, STAMP_BACK_MS, stampOf } from './oap-checks.ts';
import { decodeOap, encodeOap, OAP_ID_BYTES, plainOap } from './oap-header.ts';
import type { O7sContext } from './o7s-context.ts';
import { newO7sFlow, PEER_GONE } from './o7s-context.ts';
import type { AskedTry, O7sFlow } from './o7s-flow.ts';
import { watchFlow } from './o7s-liveness.ts';
import { requestableQos } from './qos-fields.ts';

/** Requests of one allocation; each that arrives makes a flow at a C server. */
export const TRIES_MAX = 4;
/** How long the refusal that a copied request causes may be ahead of the acceptance of the first copy. */
export const REFUSAL_HOLD_US: DurationUs = 500_000;
/** The refusal a C server gives to a copy: -EAUTH. */
const REPLAY_ERRNO = errnoOf('FLOWRING_AUTH');

export function request(fa: O7sContext, input: Extract<FaInput, { t: 'request' }>, nowUs: InstantUs): void {
  if (fa.flows.has(input.flow)) return;
  //= R-OUDP-38
  if (input.data !== undefined && input.data.length > 0) {
    fa.refused(input.flow, 'FLOWRING_NOT_SUPPORTED');
    return;
  }
  if (!fa.eids.hasRoom) {
    fa.stats.requestsOverBound += 1;
    fa.refused(input.flow, 'FLOWRING_TOO_MANY');
    return;
  }
  const flow = newO7sFlow({ flow: input.flow, peer: input.peer, qos: requestableQos(input.qos) }, nowUs);
  flow.asked = {
    nameHash: nameHash(fa.options.digest, input.name),
    deadlineUs: nowUs + input.timeoutMs * 1_000,
    retryUs: fa.firstRetryUs,
    retryAtUs: nowUs,
    tries: [],
    refusal: null,
  };
  fa.step(flow, 'request');
  fa.flows.set(flow.flow, flow);
  lookAtRequest(fa, flow, nowUs);
}

/** Gives the request up, tries it again, or waits. */
export function lookAtRequest(fa: O7sContext, flow: O7sFlow, nowUs: InstantUs): void {
  const asked = flow.asked!;
  if (asked.refusal !== null && nowUs >= asked.refusal.atUs) {
    fail(fa, flow, 'answerRefused', codeOfRefusal(asked.refusal.errno), nowUs);
    return;
  }
  if (nowUs >= asked.deadlineUs) {
    fail(fa, flow, 'timeout', 'FLOWRING_TIMEOUT', nowUs);
    return;
  }
  if (nowUs >= asked.retryAtUs) tryOnceMore(fa, flow, nowUs);
  fa.arm(flow, Math.min(asked.deadlineUs, asked.retryAtUs, asked.refusal?.atUs ?? Infinity));
}

/** A copy would be refused as a replay, and the refusal would undo the flow: each try is a request of its own. */
//= R-OUDP-30
function tryOnceMore(fa: O7sContext, flow: O7sFlow, nowUs: InstantUs): void {
  const asked = flow.asked!;
  const jitterUs = (fa.options.random() >>> 0) % Math.max(1, asked.retryUs >>> 2);
  asked.retryAtUs = asked.tries.length + 1 < TRIES_MAX ? nowUs + asked.retryUs + jitterUs : Infinity;
  asked.retryUs *= 2;
  if (!fa.eids.hasRoom) return;
  const { digest, utcUs } = fa.options;
  const id = drawId(fa);
  const oap = encodeOap(plainOap(id, stampOf(utcUs(nowUs) - STAMP_BACK_MS * 1_000)));
  const one: AskedTry = { sEid: fa.eids.draw(), flow, id, hashOfRequest: requestHash(digest, 0, oap) };
  asked.tries.push(one);
  fa.eids.use(one);
  fa.sendFrame(flow.peer, { t: 'request', sEid: one.sEid, qos: flow.qos, nameHash: asked.nameHash, oap });
}

//= R-OUDP-31
export function onReply(fa: O7sContext, from: PeerAddress, reply: FlowReply, nowUs: InstantUs): void {
  const flow = fa.eids.get(reply.sEid)?.flow;
  const one = flow?.asked?.tries.find((each) => each.sEid === reply.sEid);
  if (flow === undefined || one === undefined || flow.peer !== from) {
    fa.stats.repliesStray += 1;
    return;
  }
  if (reply.response === 0) onAcceptance(fa, one, reply, nowUs);
  else onRefusal(fa, flow, Math.abs(reply.response), nowUs);
}

function onRefusal(fa: O7sContext, flow: O7sFlow, errno: number, nowUs: InstantUs): void {
  if (errno !== REPLAY_ERRNO) {
    fail(fa, flow, 'answerRefused', codeOfRefusal(errno), nowUs);
    return;
  }
  flow.asked!.refusal ??= { errno, atUs: nowUs + REFUSAL_HOLD_US };
  lookAtRequest(fa, flow, nowUs);
}

function onAcceptance(fa: O7sContext, one: AskedTry, reply: FlowReply, nowUs: InstantUs): void {
  const oap = decodeOap(reply.oap, requestHashBytes(0));
  if (oap === null || reply.dEid === 0) {
    fa.stats.framesMalformed += 1;
    return;
  }
  const fault = replyFault(oap, one.id, one.hashOfRequest);
  if (fault === 'stray') fa.stats.repliesStray += 1;
  else if (fault !== null) fail(fa, one.flow, 'answerRefused', fault, nowUs);
  else {
    if (oap.certificate.length > 0) fa.stats.certificatesUnchecked += 1;
    allocated(fa, one, reply.dEid, oap.data, nowUs);
  }
}

/** The first acceptance wins; what the other tries made at the server dies of silence there. */
function allocated(fa: O7sContext, one: AskedTry, dEid: number, data: Uint8Array, nowUs: InstantUs): void {
  const { flow } = one;
  for (const other of flow.asked!.tries) {
    if (other !== one) fa.retireEid(other.sEid, PEER_GONE, nowUs);
  }
  flow.asked = null;
  flow.sEid = one.sEid;
  fa.eids.use({ sEid: one.sEid, flow });
  flow.rEid = dEid;
  fa.step(flow, 'answerAccepted');
  watchFlow(fa, flow, nowUs);
  fa.bind(flow);
  const { params } = fa.options;
  const message = { t: 'ipcp-allocated', flow: flow.flow, qos: flow.qos, params } as const;
  fa.tell(data.length > 0 ? { ...message, data } : message);
}

function fail(
  fa: O7sContext,
  flow: O7sFlow,
  event: 'answerRefused' | 'timeout',
  code: ErrorCode,
  nowUs: InstantUs,
): void {
  fa.step(flow, event);
  fa.close(flow, errnoOf(code), nowUs);
  fa.refused(flow.flow, code);
}

/** C says 1 where it has no reason to give. */
function codeOfRefusal(errno: number): ErrorCode {
  return errno === 1 ? 'FLOWRING_REFUSED' : codeOfErrno(errno);
}

function drawId(fa: O7sContext): Uint8Array {
  const id = new Uint8Array(OAP_ID_BYTES);
  const view = new DataView(id.buffer);
  for (let at = 0; at < OAP_ID_BYTES; at += 4) view.setUint32(at, fa.options.random());
  return id;
}
