import type { DurationUs, InstantUs } from '@flowring/frcp';
import { encodeKeepalive } from './datagram.ts';
import type { O7sContext } from './o7s-context.ts';
import { PEER_GONE } from './o7s-context.ts';
import type { O7sFlow } from './o7s-flow.ts';

/** Keepalives in one timeout. C sends 4; twice as many must be lost in a row before it calls us gone. */
export const KEEPALIVES_PER_TIMEOUT = 8;
/** Keepalives are never closer than this, however short a flow's timeout is. */
export const KEEPALIVE_MIN_US: DurationUs = 10_000;

/** From now on the flow's peer is listened for, and told that we live. */
export function watchFlow(fa: O7sContext, flow: O7sFlow, nowUs: InstantUs): void {
  noteHeard(fa, flow, nowUs);
  flow.lastSentUs = nowUs;
  if (flow.qos.timeout === 0) fa.disarm(flow);
  else fa.arm(flow, nextLookUs(fa, flow));
}

/** Any packet counts, also an empty one and one that turns out to be invalid. */
export function noteHeard(fa: O7sContext, flow: O7sFlow, nowUs: InstantUs): void {
  flow.lastHeardUs = nowUs;
  flow.stalledUs = fa.stats.stalledUs;
}

//= R-OUDP-03
//= R-OUDP-40
export function lookAtFlow(fa: O7sContext, flow: O7sFlow, nowUs: InstantUs): void {
  if (nowUs > goneAtUs(fa, flow)) {
    fa.stats.peersGone += 1;
    endFlow(fa, flow, nowUs);
    return;
  }
  if (nowUs >= flow.lastSentUs + keepaliveUs(flow)) {
    flow.lastSentUs = nowUs;
    fa.stats.keepalivesSent += 1;
    fa.send(flow.peer, encodeKeepalive(flow.rEid));
  }
  fa.arm(flow, nextLookUs(fa, flow));
}

function endFlow(fa: O7sContext, flow: O7sFlow, nowUs: InstantUs): void {
  fa.step(flow, 'peerGone');
  fa.silence(flow, PEER_GONE, nowUs);
  fa.out.push({ t: 'ended', flow: flow.flow, errno: PEER_GONE });
}

function keepaliveUs(flow: O7sFlow): DurationUs {
  return Math.max(KEEPALIVE_MIN_US, Math.floor((flow.qos.timeout * 1_000) / KEEPALIVES_PER_TIMEOUT));
}

/** Silence while we ourselves stood still is none of the peer's. */
function goneAtUs(fa: O7sContext, flow: O7sFlow): InstantUs {
  const creditUs = fa.stats.stalledUs - flow.stalledUs;
  const heardUs = Math.max(flow.lastHeardUs, Math.min(fa.stalledAtUs, flow.lastHeardUs + creditUs));
  return heardUs + flow.qos.timeout * 1_000;
}

function nextLookUs(fa: O7sContext, flow: O7sFlow): InstantUs {
  return Math.min(flow.lastSentUs + keepaliveUs(flow), goneAtUs(fa, flow) + 1);
}
