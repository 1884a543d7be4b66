import type { FlowId, PeerInfo, QosSpec } from '@flowring/common';
import type { RuntimeClock } from './clock.ts';
import type { BaseFlow } from './flow-base.ts';
import type { CloseReason, FlowEventType, FlowMode } from './flow-types.ts';

/** What all flows of one channel share. */
export interface FlowHost {
  readonly clock: RuntimeClock;
  /** The flow holds received messages in slabs: have it compacted in the next turn. */
  holdsSlabs(flow: BaseFlow): void;
  /** Our half of the endpoint is free: tell the IRMd. */
  released(id: FlowId): void;
}

/** Where a flow's events go. A flow is in at most one set. */
export interface FlowObserver {
  notify(flow: BaseFlow, type: FlowEventType): void;
  forget(flow: BaseFlow): void;
}

/** What only some flows need; kept apart so that an idle flow stays small. */
export interface FlowExtras {
  layer: string | undefined;
  data: Buffer | undefined;
  answer: Buffer | undefined;
  readTimeoutMs: number | undefined;
  writeTimeoutMs: number | undefined;
  closed: Promise<CloseReason> | undefined;
  settleClosed: ((reason: CloseReason) => void) | undefined;
}

/** How a flow starts. */
export interface FlowSeed {
  readonly id: FlowId;
  readonly name: string;
  readonly qos: QosSpec;
  readonly peer: PeerInfo;
  readonly layer?: string | undefined;
  readonly data?: Uint8Array | undefined;
  readonly answer?: Uint8Array | undefined;
  readonly mode?: FlowMode | undefined;
}
