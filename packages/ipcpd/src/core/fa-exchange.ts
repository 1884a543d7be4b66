import type { ErrorCode, FlowId, QosSpec } from '@flowring/common';
import { codeOfErrno, errnoOf, LIMITS, QOS_PEER_TIMEOUT_MS } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { PeerRequests } from './answer-cache.ts';
import { answerBytes } from './answer-cache.ts';
import type { FaContext } from './fa-context.ts';
import { PEER_GONE } from './fa-context.ts';
import type { FaFlow, PeerAddress, PendingExchange } from './fa-flow.ts';
import type { FaInput } from './fa-messages.ts';
import type { AnswerBody, EidPair, RequestBody } from './fa-pdu.ts';
import { encodeFaPdu } from './fa-pdu.ts';
import type { Peer } from './liveness.ts';
import { newPeer, noteRtt, toggleDigest } from './liveness.ts';
import { requestId, requestNumber } from './request-id.ts';

/** Largest wait between two copies of a request or an answer. */
const RETRY_MAX_US = 500_000;
const RETRY_MIN_US = 20_000;
const EMPTY = new Uint8Array(0);

//= R-FA-02
export function request(fa: FaContext, input: Extract<FaInput, { t: 'request' }>, nowUs: InstantUs): void {
  if (fa.flows.has(input.flow)) return;
  if (!fa.eids.hasRoom) {
    fa.stats.requestsOverBound += 1;
    fa.tell({ t: 'ipcp-refused', flow: input.flow, code: 'FLOWRING_TOO_MANY' });
    return;
  }
  const peer = fa.usePeer(input.peer, nowUs);
  const qos = withTimeout(fa, input.qos);
  const flow = newFlow(peer, fa.eids.draw(), input.flow, 0, qos.timeout * 1_000);
  const id = requestId((fa.requestLast += 1), fa.random);
  const timeoutMs = Math.min(input.timeoutMs, LIMITS.requestHoldMaxMs);
  const deadlineUs = nowUs + timeoutMs * 1_000;
  const pdu = encodeFaPdu(fa.epoch, {
    t: 'request',
    id,
    sEid: flow.sEid,
    timeoutMs,
    qos,
    name: input.name,
    data: input.data ?? EMPTY,
  });
  flow.pending = newExchange(fa, {
    id,
    startedUs: nowUs,
    deadlineUs,
    pdu,
    retryUs: firstRetryUs(fa, peer),
    qos,
  });
  fa.step(flow, 'request');
  fa.flows.set(flow.flow, flow);
  fa.eids.use(flow);
  repeatExchange(fa, flow, nowUs);
}

/** The timeout of the predefined cubes is nobody's choice: the layer knows a better one for its paths. */
function withTimeout(fa: FaContext, qos: QosSpec): QosSpec {
  const { timeoutMs } = fa.traits;
  return timeoutMs === undefined || qos.timeout !== QOS_PEER_TIMEOUT_MS
    ? qos
    : { ...qos, timeout: timeoutMs };
}

function answered(fa: FaContext, flow: FaFlow, answer: AnswerBody, nowUs: InstantUs): void {
  const pending = flow.pending!;
  if (pending.tries === 1) noteRtt(flow.peer, nowUs - pending.startedUs);
  if (answer.errno !== 0) {
    fa.step(flow, 'answerRefused');
    fa.close(flow, answer.errno, nowUs);
    fa.tell({ t: 'ipcp-refused', flow: flow.flow, code: codeOfErrno(answer.errno) });
    return;
  }
  fa.step(flow, 'answerAccepted');
  flow.rEid = answer.sEid;
  fa.settle(flow, nowUs);
  known(fa, flow, nowUs);
  fa.send(flow.peer.address, { t: 'confirm', sEid: flow.sEid, rEid: flow.rEid });
  fa.bind(flow, pending.qos);
  fa.tell({
    t: 'ipcp-allocated',
    flow: flow.flow,
    qos: pending.qos,
    params: fa.paramsOf(flow.peer.address),
    ...(answer.data.length > 0 ? { data: answer.data } : {}),
  });
}

//= R-FA-03
export function requested(fa: FaContext, from: PeerAddress, request: RequestBody, nowUs: InstantUs): void {
  const number = requestNumber(request.id);
  const requests = fa.peers.get(from)?.requests;
  const open = requests?.open.get(number);
  const over = requests?.over.get(number);
  if (open !== undefined || over !== undefined) {
    fa.stats.requestsRepeated += 1;
    const answer = open === undefined ? over!.answer : open.pending!.pdu;
    if (answer !== null) fa.sendBytes(from, answer);
    return;
  }
  if (!isServed(requests, number) || !fa.eids.hasRoom || fa.incoming.size >= LIMITS.incomingMax) {
    fa.stats.requestsOverBound += 1;
    fa.send(from, refusal(request.id, request.sEid, 'FLOWRING_TOO_MANY'));
    return;
  }
  offer(fa, from, request, nowUs);
}

/** Whether a request that is not known is a new one, of a peer that confirms what it was answered. */
//= R-FA-06
function isServed(requests: PeerRequests | undefined, number: number): boolean {
  if (requests === undefined) return true;
  return number > requests.floor && requests.openBytes < LIMITS.answersPerPeerMaxBytes;
}

function offer(fa: FaContext, from: PeerAddress, request: RequestBody, nowUs: InstantUs): void {
  const peer = fa.usePeer(from, nowUs);
  const incoming = drawIncoming(fa);
  const flow = newFlow(peer, 0, 0, incoming, request.qos.timeout * 1_000);
  flow.rEid = request.sEid;
  const timeoutMs = Math.min(request.timeoutMs, LIMITS.requestHoldMaxMs);
  const deadlineUs = nowUs + timeoutMs * 1_000 + 2 * fa.traits.mplUs;
  flow.pending = newExchange(fa, {
    id: request.id,
    startedUs: nowUs,
    deadlineUs,
    pdu: null,
    retryUs: firstRetryUs(fa, peer),
    qos: request.qos,
  });
  flow.pending.timer = fa.timers.add(deadlineUs, { kind: 'exchange', flow });
  fa.step(flow, 'offer');
  peer.requests.open.set(requestNumber(request.id), flow);
  fa.incoming.set(incoming, flow);
  fa.tell({
    t: 'ipcp-incoming',
    incoming,
    name: request.name,
    qos: request.qos,
    timeoutMs,
    params: fa.paramsOf(from),
    ...(request.data.length > 0 ? { data: request.data } : {}),
  });
}

export function accept(fa: FaContext, input: Extract<FaInput, { t: 'accept' }>, nowUs: InstantUs): void {
  if (fa.flows.has(input.flow)) return;
  const flow = fa.incoming.get(input.incoming);
  if (flow === undefined) {
    acceptTooLate(fa, input.flow, nowUs);
    return;
  }
  fa.incoming.delete(input.incoming);
  fa.step(flow, 'accept');
  flow.flow = input.flow;
  flow.sEid = fa.eids.draw();
  fa.eids.use(flow);
  fa.flows.set(flow.flow, flow);
  const pending = flow.pending!;
  pending.pdu = encodeFaPdu(fa.epoch, {
    t: 'answer',
    id: pending.id,
    sEid: flow.sEid,
    rEid: flow.rEid,
    errno: 0,
    data: input.data ?? EMPTY,
  });
  flow.peer.requests.openBytes += answerBytes(pending.pdu);
  fa.watch(flow, nowUs);
  fa.bind(flow, pending.qos);
  repeatExchange(fa, flow, nowUs);
}

/** The requester left before the IRMd answered: the application gets a flow that is over. */
function acceptTooLate(fa: FaContext, id: FlowId, nowUs: InstantUs): void {
  const flow = newFlow(newPeer('', nowUs), 0, id, 0, 0);
  fa.step(flow, 'acceptTooLate');
  fa.flows.set(id, flow);
  fa.out.push({ t: 'ended', flow: id, errno: PEER_GONE });
}

export function refuse(fa: FaContext, incoming: number, code: ErrorCode, nowUs: InstantUs): void {
  const flow = fa.incoming.get(incoming);
  if (flow === undefined) return;
  const pending = flow.pending!;
  pending.pdu = encodeFaPdu(fa.epoch, refusal(pending.id, flow.rEid, code));
  fa.sendBytes(flow.peer.address, pending.pdu);
  fa.step(flow, 'refuse');
  fa.close(flow, errnoOf(code), nowUs);
}

//= R-FA-05
export function cancelled(fa: FaContext, from: PeerAddress, id: string, nowUs: InstantUs): void {
  const number = requestNumber(id);
  const peer = fa.usePeer(from, nowUs);
  const { open, over } = peer.requests;
  const flow = open.get(number);
  if (flow === undefined) {
    // The request itself, or a copy, may still be under way and must not be served.
    if (!over.has(number)) fa.rememberAsked(peer, number, nowUs);
  } else {
    flow.pending!.pdu = null;
    if (flow.state === 'offered') offerGone(fa, flow, 'cancelled', nowUs);
    else fa.endByPeer(flow, 'peerEnd', PEER_GONE, nowUs);
  }
  fa.dropPeer(peer);
}

function offerGone(fa: FaContext, flow: FaFlow, event: 'cancelled' | 'timeout', nowUs: InstantUs): void {
  fa.tell({ t: 'ipcp-incoming-gone', incoming: flow.incoming });
  fa.step(flow, event);
  fa.close(flow, PEER_GONE, nowUs);
}

/** Sends a request or an answer again, or gives the exchange up when its time is over. */
export function repeatExchange(fa: FaContext, flow: FaFlow, nowUs: InstantUs): void {
  const pending = flow.pending;
  if (pending === null) return;
  fa.timers.cancel(pending.timer);
  if (flow.state === 'unconfirmed') creditExchange(fa, pending);
  if (nowUs >= pending.deadlineUs) {
    exchangeTimedOut(fa, flow, nowUs);
    return;
  }
  if (pending.pdu !== null) {
    pending.tries += 1;
    fa.sendBytes(flow.peer.address, pending.pdu);
  }
  let atUs = pending.deadlineUs;
  if (!fa.traits.lossless && pending.pdu !== null) {
    // Up to a quarter more, so that requests that collided once do not collide for ever.
    const jitterUs = (fa.random() >>> 0) % Math.max(1, pending.retryUs >>> 2);
    atUs = Math.min(atUs, nowUs + pending.retryUs + jitterUs);
    pending.retryUs = Math.min(RETRY_MAX_US, pending.retryUs * 2);
  }
  pending.timer = fa.timers.add(atUs, { kind: 'exchange', flow });
}

/** While we stood still the requester could not be heard: that time is not part of its patience. */
function creditExchange(fa: FaContext, pending: PendingExchange): void {
  pending.deadlineUs += fa.stats.stalledUs - pending.stalledUs;
  pending.stalledUs = fa.stats.stalledUs;
}

function exchangeTimedOut(fa: FaContext, flow: FaFlow, nowUs: InstantUs): void {
  if (flow.state === 'requesting') {
    fa.farewell(flow, PEER_GONE, nowUs);
    fa.step(flow, 'timeout');
    fa.close(flow, errnoOf('FLOWRING_TIMEOUT'), nowUs);
    fa.tell({ t: 'ipcp-refused', flow: flow.flow, code: 'FLOWRING_TIMEOUT' });
  } else if (flow.state === 'offered') {
    offerGone(fa, flow, 'timeout', nowUs);
  } else {
    fa.endByPeer(flow, 'timeout', PEER_GONE, nowUs);
  }
}

function firstRetryUs(fa: FaContext, peer: Peer): DurationUs {
  if (peer.srttUs === 0) return fa.traits.rtoInitialUs;
  return Math.min(RETRY_MAX_US, Math.max(RETRY_MIN_US, 2 * peer.srttUs));
}

function drawIncoming(fa: FaContext): number {
  do fa.incomingLast = (fa.incomingLast + 1) >>> 0 || 1;
  while (fa.incoming.has(fa.incomingLast));
  return fa.incomingLast;
}

function refusal(id: string, rEid: number, code: ErrorCode): AnswerBody {
  return { t: 'answer', id, sEid: 0, rEid, errno: errnoOf(code), data: EMPTY };
}

function known(fa: FaContext, flow: FaFlow, nowUs: InstantUs): void {
  fa.watch(flow, nowUs);
  toggleDigest(flow.peer, flow);
}

export function onAnswer(fa: FaContext, from: PeerAddress, answer: AnswerBody, nowUs: InstantUs): void {
  const flow = fa.eids.get(answer.rEid);
  if (flow?.peer.address === from) {
    if (flow.state === 'requesting' && flow.pending!.id === answer.id) {
      answered(fa, flow, answer, nowUs);
      return;
    }
    if (answer.errno === 0 && flow.rEid === answer.sEid) {
      fa.send(from, { t: 'confirm', sEid: flow.sEid, rEid: flow.rEid });
      return;
    }
  }
  fa.stats.pdusStray += 1;
  if (answer.errno === 0) fa.sendDown(from, answer);
}

export function onConfirm(fa: FaContext, from: PeerAddress, pair: EidPair, nowUs: InstantUs): void {
  const flow = fa.ownFlow(from, pair);
  if (flow === null) fa.sendDown(from, pair);
  else if (flow.state === 'unconfirmed') fa.confirmed(flow, nowUs);
}

//= R-FA-08
export function restarted(fa: FaContext, peer: Peer, nowUs: InstantUs): void {
  for (const flows of [...peer.byTimeout.values()]) {
    for (const flow of [...flows]) fa.endByPeer(flow, 'peerGone', PEER_GONE, nowUs);
  }
  for (const flow of [...fa.incoming.values()]) {
    if (flow.peer === peer) offerGone(fa, flow, 'cancelled', nowUs);
  }
  fa.answers.clear(peer.requests);
}

function newFlow(peer: Peer, sEid: number, flow: FlowId, incoming: number, timeoutUs: DurationUs): FaFlow {
  return { state: 'idle', flow, incoming, peer, sEid, rEid: 0, timeoutUs, pending: null };
}

type ExchangeStart = Pick<PendingExchange, 'id' | 'startedUs' | 'deadlineUs' | 'pdu' | 'retryUs' | 'qos'>;

function newExchange(fa: FaContext, start: ExchangeStart): PendingExchange {
  const { id, startedUs, deadlineUs, pdu, retryUs, qos } = start;
  const { stalledUs } = fa.stats;
  return { id, startedUs, deadlineUs, stalledUs, pdu, retryUs, tries: 0, qos, timer: null };
}
