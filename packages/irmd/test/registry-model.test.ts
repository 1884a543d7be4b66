import { fc, test } from '@fast-check/jest';
import { describe, expect } from '@jest/globals';
import { TestIrm } from './support/test-irm.ts';

/** What a user may do, with small numbers that name processes, names and flows. */
type Step =
  | { readonly do: 'accept'; readonly name: number; readonly add: number }
  | { readonly do: 'alloc'; readonly client: number; readonly name: number }
  | { readonly do: 'dealloc'; readonly flow: number; readonly end: 'client' | 'server' }
  | { readonly do: 'die'; readonly process: number };

const SERVERS = 2;
const CLIENTS = 2;
const NAMES = 2;

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('accept' as const),
    name: fc.nat(NAMES - 1),
    add: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ do: fc.constant('alloc' as const), client: fc.nat(CLIENTS - 1), name: fc.nat(NAMES - 1) }),
  fc.record({
    do: fc.constant('dealloc' as const),
    flow: fc.nat(30),
    end: fc.constantFrom('client' as const, 'server' as const),
  }),
  fc.record({ do: fc.constant('die' as const), process: fc.nat(SERVERS + CLIENTS - 1) }),
);

interface ModelFlow {
  client: number | null;
  server: number | null;
}

/** The registry as plainly as it can be said: queues of requests, counts of credit, pairs of halves. */
class Model {
  readonly credit = Array.from({ length: NAMES }, () => new Array<number>(SERVERS).fill(0));
  readonly waiting: { client: number; req: number }[][] = Array.from({ length: NAMES }, () => []);
  readonly flows: ModelFlow[] = [];
  readonly served: number[] = [];

  accept(server: number, name: number, add: number): void {
    this.credit[name]![server]! += add;
    this.#serve(name);
  }

  alloc(client: number, name: number, req: number): void {
    this.waiting[name]!.push({ client, req });
    this.#serve(name);
  }

  die(process: number): void {
    for (const credit of this.credit) if (process < SERVERS) credit[process] = 0;
    for (const queue of this.waiting) {
      queue.splice(0, queue.length, ...queue.filter((one) => one.client !== process));
    }
    for (const flow of this.flows) {
      if (flow.client === process) flow.client = null;
      if (flow.server === process) flow.server = null;
    }
  }

  get open(): number {
    const queued = this.waiting.reduce((sum, queue) => sum + queue.length, 0);
    return queued + this.flows.filter((flow) => flow.client !== null || flow.server !== null).length;
  }

  #serve(name: number): void {
    const credit = this.credit[name]!;
    while (this.waiting[name]!.length > 0 && credit.some((one) => one > 0)) {
      const { client, req } = this.waiting[name]!.shift()!;
      // Which server it is, the policy says; with credit in one place only it is certain.
      const server = credit.findIndex((one) => one > 0);
      credit[server]! -= 1;
      this.flows.push({ client, server });
      this.served.push(req);
    }
  }
}

describe('the registry', () => {
  test.prop([fc.array(step, { maxLength: 60 })], { numRuns: 300 })(
    'serves the requests and holds the endpoints that a plain model does',
    (steps) => {
      const irm = new TestIrm();
      const model = new Model();
      const owner = irm.join();
      for (let name = 0; name < NAMES; name += 1) {
        irm.ask(owner, { t: 'name-create', name: `n${name}`, policy: 'spillover' });
      }
      const processes = Array.from({ length: SERVERS + CLIENTS }, () => irm.join());
      const dead = new Set<number>();
      let req = 0;
      for (const one of steps) {
        if (one.do === 'accept') {
          // The model knows one server a name: which of several gets a request is another test's matter.
          const server = one.name;
          if (dead.has(server)) continue;
          model.accept(server, one.name, one.add);
          irm.accept(processes[server]!, `n${one.name}`, one.add, { acceptor: one.name + 1 });
        } else if (one.do === 'alloc') {
          const client = SERVERS + one.client;
          if (dead.has(client)) continue;
          req += 1;
          model.alloc(client, one.name, req);
          irm.alloc(processes[client]!, req, `n${one.name}`, { timeoutMs: 1_000_000 });
        } else if (one.do === 'dealloc') dealloc(irm, model, processes, one);
        else if (!dead.has(one.process)) {
          dead.add(one.process);
          model.die(one.process);
          irm.gone(processes[one.process]!);
        }
        expect(irm.machine.population.flows).toBe(model.open);
      }
      const answered = irm.sent
        .map(({ message }) => message)
        .filter((message) => message.t === 'allocated')
        .map((message) => message.req);
      // Matched in order of arrival; two clients' answers may change places while their first channels are made.
      expect([...answered].sort(byNumber)).toEqual([...model.served].sort(byNumber));
      for (const process of [...processes, owner]) irm.gone(process);
      expect(irm.machine.population).toMatchObject({ processes: 0, flows: 0, channels: 0, timers: 0 });
      expect(irm.machine.counters.unlistedTransitions).toBe(0);
    },
  );
});

const byNumber = (a: number, b: number): number => a - b;

/** Ends one half of a flow that the model has, in both. */
function dealloc(
  irm: TestIrm,
  model: Model,
  processes: readonly number[],
  step: Extract<Step, { readonly do: 'dealloc' }>,
): void {
  const flow = model.flows[step.flow];
  const process = flow?.[step.end];
  if (flow === undefined || process === null || process === undefined) return;
  const answers = irm.sent.map(({ message }) => message).filter((message) => message.t === 'allocated');
  const { flow: id } = answers.find(({ req }) => req === model.served[step.flow])!;
  irm.say(processes[process]!, { t: 'dealloc', flow: id });
  flow[step.end] = null;
}
