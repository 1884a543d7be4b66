import type { FlowId } from '@flowring/common';

/** Packets held for one flow that is not bound yet: a C server's first window. */
export const EARLY_PER_FLOW_MAX = 64;
/** The same, for all flows of the layer, bytes. */
export const EARLY_BYTES_MAX = 1_048_576;

interface EarlyPacket {
  readonly sEid: number;
  readonly bytes: Buffer;
}

/** Packets that overtook the reply to their flow's request. What is beyond a bound is dropped. */
//= R-OUDP-37
export class EarlyPackets {
  readonly #byFlow = new Map<FlowId, EarlyPacket[]>();
  #bytes = 0;

  get heldBytes(): number {
    return this.#bytes;
  }

  /** Copies the packet. False: there is no room. */
  hold(flow: FlowId, sEid: number, packet: Uint8Array): boolean {
    const held = this.#byFlow.get(flow) ?? [];
    if (held.length >= EARLY_PER_FLOW_MAX || this.#bytes + packet.length > EARLY_BYTES_MAX) return false;
    if (held.length === 0) this.#byFlow.set(flow, held);
    held.push({ sEid, bytes: Buffer.from(packet) });
    this.#bytes += packet.length;
    return true;
  }

  /** What came for this EID of the flow, in order; what came for another of its EIDs is dropped. */
  take(flow: FlowId, sEid: number): Buffer[] {
    const held = this.#byFlow.get(flow) ?? [];
    this.forget(flow);
    return held.filter((packet) => packet.sEid === sEid).map(({ bytes }) => bytes);
  }

  forget(flow: FlowId): void {
    const held = this.#byFlow.get(flow) ?? [];
    for (const { bytes } of held) this.#bytes -= bytes.length;
    this.#byFlow.delete(flow);
  }
}
