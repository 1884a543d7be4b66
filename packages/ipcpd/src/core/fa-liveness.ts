import type { InstantUs } from '@flowring/frcp';
import type { FaContext } from './fa-context.ts';
import { PEER_GONE } from './fa-context.ts';
import type { PeerAddress } from './fa-flow.ts';
import type { EidPair, FaBody, FlowVerdict } from './fa-pdu.ts';
import { PROBE_FLOWS_MAX, VERDICT_ALIVE } from './fa-pdu.ts';
import type { Peer } from './liveness.ts';
import { bucketOf, differingBuckets, stepLiveness } from './liveness.ts';

/** Packets of one reconciliation; the rest waits for the next keepalive. */
const RECONCILE_PDUS_MAX = 32;
const RECONCILE_GAP_US = 20_000;

export function onAlive(
  fa: FaContext,
  from: PeerAddress,
  alive: Extract<FaBody, { t: 'alive' }>,
  nowUs: InstantUs,
): void {
  const peer = fa.peers.get(from);
  if (peer === undefined) {
    // A peer that believes in flows with us: show it that we know none.
    if (alive.digests.some((digest) => digest !== 0)) fa.sendAlive(from, false);
    return;
  }
  if (alive.solicit) fa.sendAlive(from, false);
  const differing = differingBuckets(peer, alive.digests);
  if (differing === 0 || nowUs < peer.reconcileAtUs) return;
  peer.reconcileAtUs = nowUs + RECONCILE_GAP_US;
  reconcile(fa, peer, differing);
}

/** Asks the peer about our flows in the differing buckets, a bounded number of packets at a time. */
function reconcile(fa: FaContext, peer: Peer, differing: number): void {
  let pdus = 0;
  for (let i = 0; i < 16 && pdus < RECONCILE_PDUS_MAX; i += 1) {
    const bucket = (peer.nextBucket + i) % 16;
    if ((differing & (1 << bucket)) === 0) continue;
    pdus += probeBucket(fa, peer, bucket);
    if (pdus >= RECONCILE_PDUS_MAX) peer.nextBucket = (bucket + 1) % 16;
  }
}

function probeBucket(fa: FaContext, peer: Peer, bucket: number): number {
  let pdus = 0;
  let batch: EidPair[] = [];
  const flush = () => {
    if (batch.length === 0) return;
    fa.send(peer.address, { t: 'probe', flows: batch });
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

export function onProbe(fa: FaContext, from: PeerAddress, pairs: readonly EidPair[], nowUs: InstantUs): void {
  const flows: FlowVerdict[] = pairs.map((pair) => {
    const flow = fa.ownFlow(from, pair);
    if (flow?.state === 'unconfirmed') fa.confirmed(flow, nowUs);
    const status = flow === null ? fa.eids.endOf(pair.rEid) : VERDICT_ALIVE;
    return { sEid: pair.rEid, rEid: pair.sEid, status };
  });
  if (flows.some((flow) => flow.status !== VERDICT_ALIVE)) fa.send(from, { t: 'verdict', flows });
}

export function onVerdict(
  fa: FaContext,
  from: PeerAddress,
  verdicts: readonly FlowVerdict[],
  nowUs: InstantUs,
): void {
  for (const verdict of verdicts) {
    if (verdict.status === VERDICT_ALIVE) continue;
    const flow = fa.ownFlow(from, verdict);
    if (flow !== null) fa.endByPeer(flow, 'peerEnd', verdict.status, nowUs);
  }
}

export function watchPeer(fa: FaContext, peer: Peer, nowUs: InstantUs): void {
  peer.timer = null;
  if (peer.uses === 0 || peer.byTimeout.size === 0) return;
  const step = stepLiveness(peer, nowUs);
  if (step.send !== 'nothing') fa.sendAlive(peer.address, step.send === 'probe');
  for (const flow of step.gone) fa.endByPeer(flow, 'peerGone', PEER_GONE, nowUs);
  if (fa.peers.has(peer.address) && peer.byTimeout.size > 0) fa.armPeer(peer, step.nextAtUs);
}
