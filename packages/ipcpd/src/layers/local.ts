import type { ConfigValues, PathParams } from '@flowring/common';
import { ConfigTable, LIMITS } from '@flowring/common';
import type { AppFlow } from '../adapters/app-flow.ts';
import type { Allocator } from '../core/allocator.ts';
import type { FaTraits, PeerAddress } from '../core/fa-flow.ts';
import type { FlowBinding } from '../core/fa-messages.ts';
import { FlowAllocator } from '../core/flow-allocator.ts';
import type { Directory, Layer, LayerEvents } from './layer.ts';

/** The only IPCP of a local layer. */
const SELF: PeerAddress = 'self';
/** Nothing outlives the turn it is sent in, so EIDs need no rest and answers no memory. */
const TRAITS: FaTraits = { lossless: true, mplUs: 0, quarantineUs: 0, rtoInitialUs: 100_000 };

/** One bound end, and the end it is joined to. */
interface LocalEnd {
  readonly app: AppFlow;
  readonly sEid: number;
  partner: LocalEnd | null;
}

/**
 * The local layer: all flows are between applications of this host, so the one IPCP is its own peer. FA PDUs are
 * looped back through the codec; packets go straight from one application's channel to the other's.
 */
export class LocalLayer implements Layer {
  readonly type = 'local';
  readonly params: PathParams = { mplMs: 1_000, aMs: 50, rMs: 120_000, mtuBytes: 65_536 };
  readonly directory: Directory;
  readonly #names = new Set<string>();
  readonly #byEid = new Map<number, LocalEnd>();
  readonly #byApp = new Map<AppFlow, LocalEnd>();
  #events: LayerEvents | null = null;

  constructor() {
    this.directory = {
      register: (name) => {
        if (this.#names.size < LIMITS.namesMax) this.#names.add(name);
      },
      unregister: (name) => void this.#names.delete(name),
      lookup: (name) => (this.#names.has(name) ? SELF : null),
    };
  }

  createAllocator(random: () => number): Allocator {
    return new FlowAllocator({ traits: TRAITS, paramsOf: () => this.params, random });
  }

  bootstrap(_layerName: string, config: ConfigValues, events: LayerEvents): void {
    new ConfigTable(config).noMore();
    this.#events = events;
  }

  sendPdu(peer: PeerAddress, pdu: Uint8Array): void {
    this.#events?.onPdu(peer, pdu);
  }

  bind(binding: FlowBinding, app: AppFlow): void {
    const end: LocalEnd = { app, sEid: binding.sEid, partner: null };
    this.#byEid.set(binding.sEid, end);
    this.#byApp.set(app, end);
    const partner = this.#byEid.get(binding.rEid);
    if (partner === undefined || partner.partner !== null) return;
    end.partner = partner;
    partner.partner = end;
    join(partner.app, app);
    join(app, partner.app);
  }

  ended(app: AppFlow, errno: number): void {
    const partner = this.#byApp.get(app)?.partner;
    if (partner) partner.app.toLayer.finish(errno);
    else app.port?.end(errno);
  }

  unbind(app: AppFlow): void {
    const end = this.#byApp.get(app);
    if (end === undefined) return;
    this.#byApp.delete(app);
    this.#byEid.delete(end.sEid);
  }

  close(): void {
    this.#events = null;
  }
}

/** What `from` writes goes to `to`'s application, and waits while that has no room. */
function join(from: AppFlow, to: AppFlow): void {
  to.onAppWritable = () => from.toLayer.flush();
  if (to.port !== null) from.toLayer.setSink(to.port);
}
