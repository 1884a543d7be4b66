import type { ControlMessage } from '@flowring/common';
import { qosCubes } from '@flowring/common';
import { Action } from '../event-queue.ts';
import type { SimProcess } from '../sim-process.ts';
import type { Alloc } from './alloc.ts';
import type { SimHost } from './host.ts';
import { LAYER } from './ipcp.ts';

const ACCEPTOR = 1;
const CREDIT = 1_000;
const REGISTER_REQ = 1;
const REGISTER_AGAIN_US = 1_000_000;
const FIRST_ALLOC_REQ = 100;

/** A program of one host, with what libdev does for it: serves the host's name, and allocates to others'. */
export class SimProgram {
  readonly host: SimHost;
  readonly process: SimProcess;
  id = 0;
  readonly #allocs = new Map<number, Alloc>();
  #lastReq = FIRST_ALLOC_REQ;

  constructor(host: SimHost, process: SimProcess) {
    this.host = host;
    this.process = process;
  }

  start(): void {
    const name = serviceOf(this.host.name);
    this.#register();
    this.tell({
      t: 'accept',
      acceptor: ACCEPTOR,
      name,
      add: CREDIT,
      decide: this.host.world.knobs.refusePct > 0,
    });
  }

  #register(): void {
    this.tell({ t: 'name-register', req: REGISTER_REQ, name: serviceOf(this.host.name), layer: LAYER });
  }

  /** The IPCP stalled for longer than the IRMd waits. */
  #registerAgain(): void {
    const { world } = this.host;
    const again = (): void => this.process.whenAwake(world.nowUs, () => this.#register());
    world.queue.add(world.nowUs + REGISTER_AGAIN_US, new Action(again));
  }

  tell(message: object): void {
    if (this.process.isAlive) this.host.tell(this.id, message as ControlMessage);
  }

  /** Asks for a flow. Its number travels with the request, so that the server's end is known to be its other end. */
  alloc(alloc: Alloc, timeoutMs: number, peerTimeoutMs: number): void {
    const req = (this.#lastReq += 1);
    this.#allocs.set(req, alloc);
    alloc.req = req;
    this.tell({
      t: 'alloc',
      req,
      name: serviceOf(alloc.server.name),
      qos: { ...qosCubes.data, timeout: peerTimeoutMs },
      timeoutMs,
      layer: LAYER,
      data: new Uint8Array([alloc.index >>> 8, alloc.index]),
    });
  }

  abort(alloc: Alloc): void {
    if (alloc.outcome !== 'pending') return;
    alloc.outcome = 'aborted';
    this.tell({ t: 'cancel', req: alloc.req });
  }

  handle(message: ControlMessage): void {
    switch (message.t) {
      case 'allocated':
        return this.#allocated(message);
      case 'offer':
        return this.#offer(message);
      case 'offer-withdrawn':
        return this.host.world.withdrawn(this.host, message.flow);
      case 'error':
        return this.#error(message);
      default:
        return;
    }
  }

  #allocated({ req, flow, channel, open }: ControlMessage<'allocated'>): void {
    if (open !== undefined) this.tell({ t: 'channel-up', channel });
    const alloc = this.#allocs.get(req);
    if (alloc === undefined || alloc.outcome !== 'pending') return;
    alloc.outcome = 'ok';
    alloc.connectClient(flow);
  }

  #error({ req, code }: ControlMessage<'error'>): void {
    if (req === REGISTER_REQ) return this.#registerAgain();
    const alloc = this.#allocs.get(req);
    if (alloc === undefined || alloc.outcome !== 'pending') return;
    alloc.outcome = 'failed';
    alloc.failure = code;
  }

  #offer(message: ControlMessage<'offer'>): void {
    const { flow, channel, open, data, decide } = message;
    const { world } = this.host;
    if (open !== undefined) this.tell({ t: 'channel-up', channel });
    const alloc = world.allocs[(data![0]! << 8) | data![1]!]!;
    if (!decide) return alloc.connectServer(this, flow);
    alloc.pendingOffer = flow;
    const answer = (): void => {
      // Withdrawn meanwhile.
      if (alloc.pendingOffer !== flow) return;
      if (world.dice.chance(world.knobs.refusePct * 10)) {
        alloc.pendingOffer = 0;
        return this.tell({ t: 'answer', flow, code: 'FLOWRING_REFUSED' });
      }
      this.tell({ t: 'answer', flow });
      alloc.connectServer(this, flow);
    };
    const thinkUs = world.dice.below(300_000);
    world.queue.add(world.nowUs + thinkUs, new Action(() => this.process.whenAwake(world.nowUs, answer)));
  }

  /** Its half of a flow is done: end record to the IPCP, endpoint back to the IRMd. */
  leave(flow: number, errno: number): void {
    if (!this.process.isAlive) return;
    this.host.ipcp.appEnded(flow, errno);
    this.tell({ t: 'dealloc', flow });
  }
}

export function serviceOf(hostName: string): string {
  return `service-${hostName}`;
}
