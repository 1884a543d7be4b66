import type { ControlMessage, ErrorCode, FlowId } from '@flowring/common';
import { codeOfErrno, errnoOf, LIMITS } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import { AnswerCache } from './answer-cache.ts';
import { DeadlineQueue } from './deadline-queue.ts';
import { EidTable } from './eid-table.ts';
import type { FaFlow, FaTimer, FaTraits, PeerAddress, PendingExchange } from './fa-flow.ts';
import type { FaInput, FaOutput, FaStats, FlowAllocatorOptions } from './fa-messages.ts';
import type { AnswerBody, EidPair, FaBody, FaPdu, FlowVerdict, RequestBody } from './fa-pdu.ts';
import { decodeFaPdu, encodeFaPdu, PROBE_FLOWS_MAX, VERDICT_ALIVE } from './fa-pdu.ts';
import type { FaEvent } from './fa-states.ts';
import { nextFaState } from './fa-states.ts';
import type { Peer } from './liveness.ts';
import {
  bucketOf,
  creditStall,
  differingBuckets,
  firstAliveUs,
  newPeer,
  noteEpoch,
  noteHeard,
  noteRtt,
  rttOf,
  STALL_MIN_US,
  stepLiveness,
  toggleDigest,
  unwatch,
  watch,
} from './liveness.ts';

/** An answer is remembered at least so long: no copy of its request lives longer. */
const ANSWER_MEMORY_MIN_US = 60_000_000;
/** Largest wait between two copies of a request or an answer. */
const RETRY_MAX_US = 500_000;
const RETRY_MIN_US = 20_000;
/** Packets of one reconciliation; the rest waits for the next keepalive. */
const RECONCILE_PDUS_MAX = 32;
const RECONCILE_GAP_US = 20_000;
const EMPTY = new Uint8Array(0);
const PEER_GONE = errnoOf('FLOWRING_PEER_GONE');

/**
 * The flow allocator of one IPCP, with its liveness monitoring. Pure: `handle` and `handleTimeout` return what to
 * do, and time is what the caller says it is (never decreasing). Call `handleTimeout` when `nextTimeout` says so,
 * after all packets that have arrived; a call that comes late is taken as our own stall.
 */
export class FlowAllocator {
  readonly #traits: FaTraits;
  readonly #params: FlowAllocatorOptions['params'];
  readonly #random: () => number;
  readonly #epoch: number;
  readonly #eids: EidTable;
  readonly #answers = new AnswerCache();
  readonly #timers = new DeadlineQueue<FaTimer>();
  readonly #peers = new Map<PeerAddress, Peer>();
  readonly #flows = new Map<FlowId, FaFlow>();
  readonly #incoming = new Map<number, FaFlow>();
  #incomingLast = 0;
  #expectedUs: InstantUs | null = null;
  #out: FaOutput[] = [];
  readonly stats: FaStats = {
    pdusSent: 0,
    pdusReceived: 0,
    pdusMalformed: 0,
    pdusStray: 0,
    pdusLate: 0,
    requestsRepeated: 0,
    requestsOverBound: 0,
    peersGone: 0,
    stalledUs: 0,
  };

  constructor(options: FlowAllocatorOptions) {
    this.#traits = options.traits;
    this.#params = options.params;
    this.#random = options.random;
    this.#epoch = options.random() >>> 0;
    this.#eids = new EidTable(options.random, options.traits.quarantineUs);
  }

  /** One input; returns what to do, in order. An input that makes no sense in the present state does nothing. */
  handle(input: FaInput, nowUs: InstantUs): FaOutput[] {
    this.#creditOwnStall(nowUs);
    switch (input.t) {
      case 'request':
        this.#request(input, nowUs);
        break;
      case 'accept':
        this.#accept(input, nowUs);
        break;
      case 'refuse':
        this.#refuse(input.incoming, input.code, nowUs);
        break;
      case 'local-end':
        this.#localEnd(input.flow, input.errno, nowUs);
        break;
      case 'release':
        this.#release(input.flow, nowUs);
        break;
      case 'pdu':
        this.#receive(input.peer, input.pdu, nowUs);
        break;
    }
    return this.#leave();
  }

  /** Does what is due. A call before its time does nothing. */
  handleTimeout(nowUs: InstantUs): FaOutput[] {
    this.#creditOwnStall(nowUs);
    this.#eids.expire(nowUs);
    for (let due = this.#timers.takeDue(nowUs); due !== null; due = this.#timers.takeDue(nowUs)) {
      this.#fire(due, nowUs);
    }
    return this.#leave();
  }

  /** When `handleTimeout` is wanted, or `null`. */
  nextTimeout(): InstantUs | null {
    return this.#timers.nextAt();
  }

  /** A data packet of the flow with our EID `sEid` came in: its peer lives. Returns the flow's id, 0: none. */
  noteData(sEid: number, nowUs: InstantUs): FlowId {
    const flow = this.#eids.get(sEid);
    if (flow === undefined) return 0;
    noteHeard(flow.peer, nowUs);
    if (flow.state === 'unconfirmed') this.#confirmed(flow);
    return flow.flow;
  }

  /** The driver knows of a stall that `nextTimeout` could not show (a suspended host). */
  noteStall(stallUs: DurationUs, nowUs: InstantUs): void {
    this.stats.stalledUs += stallUs;
    for (const peer of this.#peers.values()) creditStall(peer, stallUs, nowUs);
  }

  /** Sizes of every table: what a leak would show in. */
  inspect(): Readonly<
    Record<'flows' | 'incoming' | 'eids' | 'resting' | 'answers' | 'peers' | 'timers', number>
  > {
    return {
      flows: this.#flows.size,
      incoming: this.#incoming.size,
      eids: this.#eids.inUse,
      resting: this.#eids.resting,
      answers: this.#answers.size,
      peers: this.#peers.size,
      timers: this.#timers.size,
    };
  }

  /** The EID of a flow of ours, 0 when there is none. */
  eidOf(flow: FlowId): number {
    return this.#flows.get(flow)?.sEid ?? 0;
  }

  // Requests of our own.

  #request(input: Extract<FaInput, { t: 'request' }>, nowUs: InstantUs): void {
    if (this.#flows.has(input.flow)) return;
    if (!this.#eids.hasRoom) {
      this.stats.requestsOverBound += 1;
      this.#tell({ t: 'ipcp-refused', flow: input.flow, code: 'FLOWRING_TOO_MANY' });
      return;
    }
    const peer = this.#usePeer(input.peer, nowUs);
    const flow = newFlow(peer, this.#eids.draw(), input.flow, 0, input.qos.timeout * 1_000);
    const id = this.#drawId();
    const deadlineUs = nowUs + input.timeoutMs * 1_000;
    const pdu = encodeFaPdu(this.#epoch, {
      t: 'request',
      id,
      sEid: flow.sEid,
      timeoutMs: input.timeoutMs,
      qos: input.qos,
      name: input.name,
      data: input.data ?? EMPTY,
    });
    flow.pending = newExchange(id, '', nowUs, deadlineUs, pdu, this.#firstRetryUs(peer));
    this.#step(flow, 'request');
    this.#flows.set(flow.flow, flow);
    this.#eids.use(flow);
    flow.pending.qos = input.qos;
    this.#repeatExchange(flow, nowUs);
  }

  #answered(flow: FaFlow, answer: AnswerBody, nowUs: InstantUs): void {
    const pending = flow.pending!;
    if (pending.tries === 1) noteRtt(flow.peer, nowUs - pending.startedUs);
    if (answer.errno !== 0) {
      this.#step(flow, 'answerRefused');
      this.#close(flow, answer.errno, nowUs);
      this.#tell({ t: 'ipcp-refused', flow: flow.flow, code: codeOfErrno(answer.errno) });
      return;
    }
    this.#step(flow, 'answerAccepted');
    flow.rEid = answer.sEid;
    this.#settle(flow);
    this.#known(flow, nowUs);
    this.#send(flow.peer.address, { t: 'confirm', sEid: flow.sEid, rEid: flow.rEid });
    this.#bind(flow);
    this.#tell({
      t: 'ipcp-allocated',
      flow: flow.flow,
      qos: pending.qos!,
      params: this.#params,
      ...(answer.data.length > 0 ? { data: answer.data } : {}),
    });
  }

  // Requests of peers.

  #requested(from: PeerAddress, request: RequestBody, nowUs: InstantUs): void {
    const key = AnswerCache.key(from, request.id);
    const known = this.#answers.get(key);
    if (known !== undefined) {
      this.stats.requestsRepeated += 1;
      if (known.answer !== null) this.#sendBytes(from, known.answer);
      return;
    }
    const full = !this.#eids.hasRoom || this.#incoming.size >= LIMITS.incomingMax;
    if (full || !this.#answers.add(key, { peer: from, flow: null, answer: null })) {
      this.stats.requestsOverBound += 1;
      this.#send(from, this.#refusal(request.id, request.sEid, 'FLOWRING_TOO_MANY'));
      return;
    }
    this.#offer(from, request, key, nowUs);
  }

  #offer(from: PeerAddress, request: RequestBody, key: string, nowUs: InstantUs): void {
    const peer = this.#usePeer(from, nowUs);
    const incoming = this.#drawIncoming();
    const flow = newFlow(peer, this.#eids.draw(), 0, incoming, request.qos.timeout * 1_000);
    flow.rEid = request.sEid;
    const timeoutMs = Math.min(request.timeoutMs, LIMITS.requestHoldMaxMs);
    const deadlineUs = nowUs + timeoutMs * 1_000 + 2 * this.#traits.mplUs;
    flow.pending = newExchange(request.id, key, nowUs, deadlineUs, null, this.#firstRetryUs(peer));
    flow.pending.timer = this.#timers.add(deadlineUs, { kind: 'exchange', flow });
    this.#step(flow, 'offer');
    this.#answers.get(key)!.flow = flow;
    this.#rememberUntil(key, nowUs + Math.max(ANSWER_MEMORY_MIN_US, deadlineUs - nowUs));
    this.#incoming.set(incoming, flow);
    this.#eids.use(flow);
    this.#tell({
      t: 'ipcp-incoming',
      incoming,
      name: request.name,
      qos: request.qos,
      timeoutMs,
      params: this.#params,
      ...(request.data.length > 0 ? { data: request.data } : {}),
    });
  }

  #accept(input: Extract<FaInput, { t: 'accept' }>, nowUs: InstantUs): void {
    if (this.#flows.has(input.flow)) return;
    const flow = this.#incoming.get(input.incoming);
    if (flow === undefined) {
      this.#acceptTooLate(input.flow, nowUs);
      return;
    }
    this.#incoming.delete(input.incoming);
    this.#step(flow, 'accept');
    flow.flow = input.flow;
    this.#flows.set(flow.flow, flow);
    const pending = flow.pending!;
    pending.pdu = encodeFaPdu(this.#epoch, {
      t: 'answer',
      id: pending.id,
      sEid: flow.sEid,
      rEid: flow.rEid,
      errno: 0,
      data: input.data ?? EMPTY,
    });
    const remembered = this.#answers.get(pending.key);
    if (remembered !== undefined) remembered.answer = pending.pdu;
    this.#watch(flow, nowUs);
    this.#bind(flow);
    this.#repeatExchange(flow, nowUs);
  }

  /** The requester left before the IRMd answered: the application gets a flow that is over. */
  #acceptTooLate(id: FlowId, nowUs: InstantUs): void {
    const flow = newFlow(newPeer('', nowUs), 0, id, 0, 0);
    this.#step(flow, 'acceptTooLate');
    this.#flows.set(id, flow);
    this.#out.push({ t: 'ended', flow: id, errno: PEER_GONE });
  }

  #refuse(incoming: number, code: ErrorCode, nowUs: InstantUs): void {
    const flow = this.#incoming.get(incoming);
    if (flow === undefined) return;
    const pending = flow.pending!;
    const pdu = encodeFaPdu(this.#epoch, this.#refusal(pending.id, flow.rEid, code));
    const remembered = this.#answers.get(pending.key);
    if (remembered !== undefined) remembered.answer = pdu;
    this.#sendBytes(flow.peer.address, pdu);
    this.#step(flow, 'refuse');
    this.#close(flow, errnoOf(code), nowUs);
  }

  #cancelled(from: PeerAddress, id: string, nowUs: InstantUs): void {
    const key = AnswerCache.key(from, id);
    const known = this.#answers.get(key);
    if (known === undefined) {
      // A copy of the request may still be under way: remember that it must not be served.
      const entry = { peer: from, flow: null, answer: null };
      if (!this.#traits.lossless && this.#answers.add(key, entry)) {
        this.#rememberUntil(key, nowUs + ANSWER_MEMORY_MIN_US);
      }
      return;
    }
    known.answer = null;
    if (known.flow === null) return;
    if (known.flow.state === 'offered') this.#offerGone(known.flow, 'cancelled', nowUs);
    else this.#endByPeer(known.flow, 'peerEnd', PEER_GONE, nowUs);
  }

  #offerGone(flow: FaFlow, event: 'cancelled' | 'timeout', nowUs: InstantUs): void {
    this.#tell({ t: 'ipcp-incoming-gone', incoming: flow.incoming });
    this.#step(flow, event);
    this.#close(flow, PEER_GONE, nowUs);
  }

  // The end of a flow.

  #localEnd(id: FlowId, errno: number, nowUs: InstantUs): void {
    const flow = this.#flows.get(id);
    if (flow === undefined || nextFaState(flow.state, 'localEnd') === null) return;
    this.#farewell(flow, errno, nowUs);
    const wasRequesting = flow.state === 'requesting';
    this.#leaveLiveness(flow);
    this.#step(flow, 'localEnd');
    if (wasRequesting) this.#close(flow, errno, nowUs);
    else this.#retire(flow, errno, nowUs);
  }

  #release(id: FlowId, nowUs: InstantUs): void {
    const flow = this.#flows.get(id);
    if (flow !== undefined) {
      if (flow.state !== 'finished') this.#farewell(flow, PEER_GONE, nowUs);
      this.#leaveLiveness(flow);
      this.#step(flow, 'release');
      this.#close(flow, PEER_GONE, nowUs);
    }
    this.#tell({ t: 'ipcp-released', flow: id });
  }

  /** Tells the peer that our half is gone: at once, and again after one and four round trips. */
  #farewell(flow: FaFlow, errno: number, nowUs: InstantUs): void {
    if (flow.state === 'requesting') {
      this.#repeat(flow.peer, { t: 'cancel', id: flow.pending!.id, sEid: flow.sEid }, nowUs);
    } else if (flow.state === 'allocated' || flow.state === 'unconfirmed') {
      this.#repeat(flow.peer, { t: 'down', sEid: flow.sEid, rEid: flow.rEid, errno }, nowUs);
    }
  }

  /** The peer's half is gone: the application is told after its data. */
  #endByPeer(flow: FaFlow, event: 'peerEnd' | 'peerGone' | 'timeout', errno: number, nowUs: InstantUs): void {
    if (nextFaState(flow.state, event) === null) return;
    if (event !== 'peerEnd') {
      this.stats.peersGone += 1;
      this.#farewell(flow, PEER_GONE, nowUs);
    }
    this.#leaveLiveness(flow);
    this.#step(flow, event);
    this.#retire(flow, errno, nowUs);
    this.#out.push({ t: 'ended', flow: flow.flow, errno });
  }

  #leaveLiveness(flow: FaFlow): void {
    unwatch(flow.peer, flow);
    if (flow.state === 'allocated') toggleDigest(flow.peer, flow);
  }

  /** Nothing of this flow travels any more: its EID rests, its exchange is over. */
  #retire(flow: FaFlow, errno: number, nowUs: InstantUs): void {
    this.#settle(flow);
    if (flow.sEid !== 0) this.#eids.retire(flow.sEid, errno, nowUs);
  }

  #close(flow: FaFlow, errno: number, nowUs: InstantUs): void {
    this.#retire(flow, errno, nowUs);
    if (flow.incoming !== 0) this.#incoming.delete(flow.incoming);
    if (flow.flow !== 0 && this.#flows.delete(flow.flow)) this.#out.push({ t: 'unbind', flow: flow.flow });
    this.#dropPeer(flow.peer);
  }

  /** Ends what repeats for the exchange, and lets go of its bytes. */
  #settle(flow: FaFlow): void {
    const { pending } = flow;
    if (pending === null) return;
    this.#timers.cancel(pending.timer);
    flow.pending = null;
    if (pending.key === '') return;
    const remembered = this.#answers.get(pending.key);
    if (this.#traits.lossless) this.#answers.forget(pending.key);
    else if (remembered !== undefined && nextFaState(flow.state, 'release') === null) remembered.flow = null;
  }

  // Packets.

  #receive(from: PeerAddress, bytes: Uint8Array, nowUs: InstantUs): void {
    this.stats.pdusReceived += 1;
    const pdu = decodeFaPdu(bytes);
    if (pdu === null) {
      this.stats.pdusMalformed += 1;
      return;
    }
    const peer = this.#peers.get(from);
    if (peer !== undefined) {
      const epoch = noteEpoch(peer, pdu.epoch);
      if (epoch === 'late') {
        this.stats.pdusLate += 1;
        return;
      }
      if (epoch === 'restarted') this.#restarted(peer, nowUs);
      noteHeard(peer, nowUs);
    }
    this.#dispatch(from, pdu, nowUs);
  }

  #dispatch(from: PeerAddress, pdu: FaPdu, nowUs: InstantUs): void {
    switch (pdu.t) {
      case 'request':
        this.#requested(from, pdu, nowUs);
        if (this.#peers.get(from)?.epoch === null) noteEpoch(this.#peers.get(from)!, pdu.epoch);
        return;
      case 'answer':
        this.#onAnswer(from, pdu, nowUs);
        return;
      case 'cancel':
        this.#cancelled(from, pdu.id, nowUs);
        return;
      case 'confirm':
        this.#onConfirm(from, pdu);
        return;
      case 'down': {
        const flow = this.#ownFlow(from, pdu);
        if (flow !== null) this.#endByPeer(flow, 'peerEnd', pdu.errno, nowUs);
        return;
      }
      case 'alive':
        this.#onAlive(from, pdu, nowUs);
        return;
      case 'probe':
        this.#onProbe(from, pdu.flows);
        return;
      case 'verdict':
        this.#onVerdict(from, pdu.flows, nowUs);
        return;
    }
  }

  #onAnswer(from: PeerAddress, answer: AnswerBody, nowUs: InstantUs): void {
    const flow = this.#eids.get(answer.rEid);
    if (flow?.peer.address === from) {
      if (flow.state === 'requesting' && flow.pending!.id === answer.id) {
        this.#answered(flow, answer, nowUs);
        return;
      }
      if (answer.errno === 0 && flow.rEid === answer.sEid) {
        this.#send(from, { t: 'confirm', sEid: flow.sEid, rEid: flow.rEid });
        return;
      }
    }
    this.stats.pdusStray += 1;
    if (answer.errno === 0) this.#sendDown(from, answer);
  }

  #onConfirm(from: PeerAddress, pair: EidPair): void {
    const flow = this.#ownFlow(from, pair);
    if (flow === null) this.#sendDown(from, pair);
    else if (flow.state === 'unconfirmed') this.#confirmed(flow);
  }

  /** The requester knows of the flow. */
  #confirmed(flow: FaFlow): void {
    this.#step(flow, 'heard');
    this.#settle(flow);
    toggleDigest(flow.peer, flow);
  }

  #restarted(peer: Peer, nowUs: InstantUs): void {
    for (const flows of [...peer.byTimeout.values()]) {
      for (const flow of [...flows]) this.#endByPeer(flow, 'peerGone', PEER_GONE, nowUs);
    }
    for (const flow of [...this.#incoming.values()]) {
      if (flow.peer === peer) this.#offerGone(flow, 'cancelled', nowUs);
    }
  }

  // Liveness.

  #onAlive(from: PeerAddress, alive: Extract<FaBody, { t: 'alive' }>, nowUs: InstantUs): void {
    const peer = this.#peers.get(from);
    if (peer === undefined) {
      // A peer that believes in flows with us: show it that we know none.
      if (alive.digests.some((digest) => digest !== 0)) this.#sendAlive(from, false);
      return;
    }
    if (alive.solicit) this.#sendAlive(from, false);
    const differing = differingBuckets(peer, alive.digests);
    if (differing === 0 || nowUs < peer.reconcileAtUs) return;
    peer.reconcileAtUs = nowUs + RECONCILE_GAP_US;
    this.#reconcile(peer, differing);
  }

  /** Asks the peer about our flows in the differing buckets, a bounded number of packets at a time. */
  #reconcile(peer: Peer, differing: number): void {
    let pdus = 0;
    for (let i = 0; i < 16 && pdus < RECONCILE_PDUS_MAX; i += 1) {
      const bucket = (peer.nextBucket + i) % 16;
      if ((differing & (1 << bucket)) === 0) continue;
      pdus += this.#probeBucket(peer, bucket);
      if (pdus >= RECONCILE_PDUS_MAX) peer.nextBucket = (bucket + 1) % 16;
    }
  }

  #probeBucket(peer: Peer, bucket: number): number {
    let pdus = 0;
    let batch: EidPair[] = [];
    const flush = () => {
      if (batch.length === 0) return;
      this.#send(peer.address, { t: 'probe', flows: batch });
      pdus += 1;
      batch = [];
    };
    for (const flows of peer.byTimeout.values()) {
      for (const flow of flows) {
        if (flow.state !== 'allocated' || bucketOf(flow) !== bucket) continue;
        batch.push({ sEid: flow.sEid, rEid: flow.rEid });
        if (batch.length === PROBE_FLOWS_MAX) flush();
      }
    }
    flush();
    return pdus;
  }

  #onProbe(from: PeerAddress, pairs: readonly EidPair[]): void {
    const flows: FlowVerdict[] = pairs.map((pair) => {
      const flow = this.#ownFlow(from, pair);
      if (flow?.state === 'unconfirmed') this.#confirmed(flow);
      const status = flow === null ? this.#eids.endOf(pair.rEid) : VERDICT_ALIVE;
      return { sEid: pair.rEid, rEid: pair.sEid, status };
    });
    if (flows.some((flow) => flow.status !== VERDICT_ALIVE)) this.#send(from, { t: 'verdict', flows });
  }

  #onVerdict(from: PeerAddress, verdicts: readonly FlowVerdict[], nowUs: InstantUs): void {
    for (const verdict of verdicts) {
      if (verdict.status === VERDICT_ALIVE) continue;
      const flow = this.#ownFlow(from, verdict);
      if (flow !== null) this.#endByPeer(flow, 'peerEnd', verdict.status, nowUs);
    }
  }

  #watchPeer(peer: Peer, nowUs: InstantUs): void {
    peer.timer = null;
    if (peer.uses === 0 || peer.byTimeout.size === 0) return;
    const step = stepLiveness(peer, nowUs);
    if (step.send !== 'nothing') this.#sendAlive(peer.address, step.send === 'probe');
    for (const flow of step.gone) this.#endByPeer(flow, 'peerGone', PEER_GONE, nowUs);
    if (this.#peers.has(peer.address) && peer.byTimeout.size > 0) this.#armPeer(peer, step.nextAtUs);
  }

  #watch(flow: FaFlow, nowUs: InstantUs): void {
    const { peer } = flow;
    watch(peer, flow, nowUs);
    if (this.#traits.lossless) return;
    const atUs = firstAliveUs(flow, nowUs);
    if (peer.timer === null || peer.timer.atUs > atUs) this.#armPeer(peer, atUs);
  }

  #armPeer(peer: Peer, atUs: InstantUs): void {
    this.#timers.cancel(peer.timer);
    peer.timer = this.#timers.add(atUs, { kind: 'peer', peer });
  }

  #creditOwnStall(nowUs: InstantUs): void {
    const expectedUs = this.#expectedUs;
    if (expectedUs !== null && nowUs - expectedUs > STALL_MIN_US) this.noteStall(nowUs - expectedUs, nowUs);
    this.#expectedUs = null;
  }

  // Deadlines.

  #fire(timer: FaTimer, nowUs: InstantUs): void {
    switch (timer.kind) {
      case 'exchange':
        this.#repeatExchange(timer.flow, nowUs);
        return;
      case 'repeat':
        this.#sendBytes(timer.peer, timer.pdu);
        return;
      case 'forget-answer':
        this.#answers.forget(timer.key);
        return;
      case 'peer':
        this.#watchPeer(timer.peer, nowUs);
        return;
    }
  }

  /** Sends a request or an answer again, or gives the exchange up when its time is over. */
  #repeatExchange(flow: FaFlow, nowUs: InstantUs): void {
    const pending = flow.pending;
    if (pending === null) return;
    this.#timers.cancel(pending.timer);
    if (nowUs >= pending.deadlineUs) {
      this.#exchangeTimedOut(flow, nowUs);
      return;
    }
    if (pending.pdu !== null) {
      pending.tries += 1;
      this.#sendBytes(flow.peer.address, pending.pdu);
    }
    let atUs = pending.deadlineUs;
    if (!this.#traits.lossless && pending.pdu !== null) {
      // Up to a quarter more, so that requests that collided once do not collide for ever.
      const jitterUs = (this.#random() >>> 0) % Math.max(1, pending.retryUs >>> 2);
      atUs = Math.min(atUs, nowUs + pending.retryUs + jitterUs);
      pending.retryUs = Math.min(RETRY_MAX_US, pending.retryUs * 2);
    }
    pending.timer = this.#timers.add(atUs, { kind: 'exchange', flow });
  }

  #exchangeTimedOut(flow: FaFlow, nowUs: InstantUs): void {
    if (flow.state === 'requesting') {
      this.#farewell(flow, PEER_GONE, nowUs);
      this.#step(flow, 'timeout');
      this.#close(flow, errnoOf('FLOWRING_TIMEOUT'), nowUs);
      this.#tell({ t: 'ipcp-refused', flow: flow.flow, code: 'FLOWRING_TIMEOUT' });
    } else if (flow.state === 'offered') {
      this.#offerGone(flow, 'timeout', nowUs);
    } else {
      this.#endByPeer(flow, 'timeout', PEER_GONE, nowUs);
    }
  }

  #rememberUntil(key: string, atUs: InstantUs): void {
    if (!this.#traits.lossless) this.#timers.add(atUs, { kind: 'forget-answer', key });
  }

  #firstRetryUs(peer: Peer): DurationUs {
    if (peer.srttUs === 0) return this.#traits.rtoInitialUs;
    return Math.min(RETRY_MAX_US, Math.max(RETRY_MIN_US, 2 * peer.srttUs));
  }

  // Small parts.

  #known(flow: FaFlow, nowUs: InstantUs): void {
    this.#watch(flow, nowUs);
    toggleDigest(flow.peer, flow);
  }

  #bind(flow: FaFlow): void {
    const { flow: id, sEid, rEid } = flow;
    this.#out.push({ t: 'bind', flow: id, peer: flow.peer.address, sEid, rEid });
  }

  /** Our flow between these EIDs with this peer, if it lives. */
  #ownFlow(from: PeerAddress, pair: EidPair): FaFlow | null {
    const flow = this.#eids.get(pair.rEid);
    if (flow === undefined || flow.rEid !== pair.sEid || flow.peer.address !== from) return null;
    return flow.state === 'allocated' || flow.state === 'unconfirmed' ? flow : null;
  }

  #step(flow: FaFlow, event: FaEvent): void {
    const next = nextFaState(flow.state, event);
    if (next !== null) flow.state = next;
  }

  #usePeer(address: PeerAddress, nowUs: InstantUs): Peer {
    let peer = this.#peers.get(address);
    if (peer === undefined) this.#peers.set(address, (peer = newPeer(address, nowUs)));
    peer.uses += 1;
    return peer;
  }

  #dropPeer(peer: Peer): void {
    peer.uses -= 1;
    if (peer.uses > 0 || this.#peers.get(peer.address) !== peer) return;
    this.#timers.cancel(peer.timer);
    this.#peers.delete(peer.address);
  }

  #drawId(): string {
    let id = '';
    for (let i = 0; i < 4; i += 1) {
      const word = this.#random();
      for (let shift = 24; shift >= 0; shift -= 8) id += String.fromCharCode((word >>> shift) & 0xff);
    }
    return id;
  }

  #drawIncoming(): number {
    do this.#incomingLast = (this.#incomingLast + 1) >>> 0 || 1;
    while (this.#incoming.has(this.#incomingLast));
    return this.#incomingLast;
  }

  #refusal(id: string, rEid: number, code: ErrorCode): AnswerBody {
    return { t: 'answer', id, sEid: 0, rEid, errno: errnoOf(code), data: EMPTY };
  }

  #sendDown(to: PeerAddress, pair: EidPair): void {
    this.#send(to, { t: 'down', sEid: pair.rEid, rEid: pair.sEid, errno: this.#eids.endOf(pair.rEid) });
  }

  #sendAlive(to: PeerAddress, solicit: boolean): void {
    const digests = this.#peers.get(to)?.digests ?? NO_FLOWS;
    this.#send(to, { t: 'alive', solicit, digests });
  }

  #repeat(peer: Peer, body: FaBody, nowUs: InstantUs): void {
    const pdu = encodeFaPdu(this.#epoch, body);
    this.#sendBytes(peer.address, pdu);
    if (this.#traits.lossless) return;
    for (const roundTrips of [1, 4]) {
      this.#timers.add(nowUs + roundTrips * rttOf(peer), { kind: 'repeat', peer: peer.address, pdu });
    }
  }

  #send(to: PeerAddress, body: FaBody): void {
    this.#sendBytes(to, encodeFaPdu(this.#epoch, body));
  }

  #sendBytes(peer: PeerAddress, pdu: Uint8Array): void {
    this.stats.pdusSent += 1;
    this.#out.push({ t: 'send', peer, pdu });
  }

  #tell(message: ControlMessage): void {
    this.#out.push({ t: 'irmd', message });
  }

  #leave(): FaOutput[] {
    this.#expectedUs = this.#timers.nextAt();
    const out = this.#out;
    this.#out = [];
    return out;
  }
}

const NO_FLOWS = new Uint32Array(16);

function newFlow(peer: Peer, sEid: number, flow: FlowId, incoming: number, timeoutUs: DurationUs): FaFlow {
  return { state: 'idle', flow, incoming, peer, sEid, rEid: 0, timeoutUs, pending: null };
}

function newExchange(
  id: string,
  key: string,
  startedUs: InstantUs,
  deadlineUs: InstantUs,
  pdu: Uint8Array | null,
  retryUs: DurationUs,
): PendingExchange {
  return { id, key, startedUs, deadlineUs, pdu, retryUs, tries: 0, timer: null, qos: null };
}
