import type { ErrorCode } from '@flowring/common';
import { violated } from '../violation.ts';
import type { SimHost } from './host.ts';
import type { SimProgram } from './program.ts';
import { StackFlow } from './stack-flow.ts';
import type { StackWorld } from './stack-world.ts';

/** One allocation, and what each end saw of it. */
export class Alloc {
  readonly index: number;
  readonly client: SimProgram;
  readonly server: SimHost;
  req = 0;
  outcome: 'pending' | 'ok' | 'failed' | 'aborted' = 'pending';
  failure: ErrorCode | null = null;
  /** The flow between the two programs; made by whoever hears first. */
  flow: StackFlow | null = null;
  /** An offer waits for the server's decision: its flow id; 0: none. */
  pendingOffer = 0;
  accepts = 0;
  readonly #world: StackWorld;

  constructor(world: StackWorld, client: SimProgram, server: SimHost) {
    this.#world = world;
    this.index = world.allocs.length;
    this.client = client;
    this.server = server;
  }

  /** I31: at most one flow comes of one request, however often it was repeated. */
  connectServer(program: SimProgram, flowId: number): void {
    this.pendingOffer = 0;
    this.accepts += 1;
    if (this.accepts > 1) violated('I31', `request ${this.index} was accepted ${this.accepts} times`);
    this.#flowWith(program).server.attach(flowId);
  }

  connectClient(flowId: number): void {
    this.#flowWith(this.server.programs.at(-1)!).client.attach(flowId);
  }

  #flowWith(server: SimProgram): StackFlow {
    return (this.flow ??= new StackFlow(this.#world, this, server));
  }

  /** I32, I35: what both ends must agree on once the network is good again; `null`: they do. */
  get disagreement(): string | null {
    if (this.outcome === 'pending') return this.client.process.isAlive ? 'never settled' : null;
    const client = this.flow?.client.isLive ?? false;
    const server = this.flow?.server.isLive ?? false;
    if (client && !server && !this.flow!.server.wasAttached) return 'only the client has a flow';
    if (server && !client && this.outcome !== 'ok')
      return `the client is gone (${this.outcome}), the server lives`;
    return null;
  }
}
