import type { ConfigValues, CounterGroups, FlowId, PathParams } from '@flowring/common';
import type { Allocator } from '../core/allocator.ts';
import type { PeerAddress } from '../core/fa-flow.ts';
import type { FlowBinding } from '../core/fa-messages.ts';
import type { AppFlow } from '../adapters/app-flow.ts';

/** What a layer tells its IPCP. Never called from inside a call into the layer's `bind`, `ended` or `unbind`. */
export interface LayerEvents {
  /** An FA PDU of the allocator at `peer`. The bytes are the receiver's. */
  onPdu(peer: PeerAddress, pdu: Uint8Array): void;
  /**
   * A data packet came in for our EID `sEid`, from `from` where it matters: its peer lives. Returns its flow; 0: it is
   * nobody's, drop it. A flow may have packets before its `bind`.
   */
  onData(sEid: number, from?: PeerAddress): FlowId;
  /** The path of a flow is like this from now on. */
  onPath(flow: FlowId, params: PathParams): void;
  /** A data packet left for the flow with our EID `sEid`. For allocators that keep each flow alive by itself. */
  onSent(sEid: number): void;
}

/** Which IPCP of the layer has a name. */
export interface Directory {
  register(name: string): void | Promise<void>;
  unregister(name: string): void | Promise<void>;
  /** The IPCP to ask for a flow to `name`; `null`: nobody has it. Rejects with a FlowringError when it cannot say. */
  lookup(name: string): PeerAddress | null | Promise<PeerAddress | null>;
  /** A flow to `name` could not be had at `peer`: another is to be preferred now. */
  failed?(name: string, peer: PeerAddress): void;
  /** A directory PDU of the IPCP at `peer`. The bytes are the receiver's. */
  onPdu?(peer: PeerAddress, pdu: Uint8Array): void;
  counters?(): Readonly<Record<string, number>>;
  close?(): void | Promise<void>;
}

/**
 * The policy of a layer: its directory, its allocator, its N-1 path, how packets of a flow travel. Everything else
 * (time, control messages, the applications' channels) is the same for every layer.
 */
export interface Layer {
  readonly type: string;
  /** What paths in this layer are like as long as no more is known. */
  readonly params: PathParams;
  readonly directory: Directory;
  /** The flow allocator this layer's IPCPs speak with, once. `random`: 32 random bits. */
  createAllocator(random: () => number): Allocator;
  /**
   * Makes the layer operational. `config` is what the operator set, `{}` for nothing; read it with a `ConfigTable`,
   * which throws `FLOWRING_CONFIG` naming the key. Rejects with a FlowringError when it is not usable.
   */
  bootstrap(layerName: string, config: ConfigValues, events: LayerEvents): void | Promise<void>;
  /** Sends an FA PDU to another IPCP of the layer; may lose it. */
  sendPdu(peer: PeerAddress, pdu: Uint8Array): void;
  /** The flow is allocated between these EIDs: its packets travel from now on. */
  bind(binding: FlowBinding, app: AppFlow): void;
  /** The peer's half is over: `app` gets its end after everything that has arrived. */
  ended(app: AppFlow, errno: number): void;
  /** The flow is forgotten. What `app` wrote before its end is still delivered where the layer holds it. */
  unbind(app: AppFlow): void;
  /** Its own counters, by the groups of the table of metrics. */
  counterGroups?(): CounterGroups;
  /** Share of the peer's packets that did not arrive, 0 to 1; `null`: not measured. */
  lossOf?(app: AppFlow): number | null;
  /** Resolves when what others should hear of it has been said. */
  close(): void | Promise<void>;
}
