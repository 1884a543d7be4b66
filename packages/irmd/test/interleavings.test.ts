import { describe, expect, test } from '@jest/globals';
import { qosCubes } from '@flowring/common';
import { TestIrm } from './support/test-irm.ts';

const NAME = 'n';

/** A client with two requests and a server, and the steps that may happen to them, each once. */
class Scene {
  readonly irm = new TestIrm({ acceptorGraceMs: 2_000 });
  readonly server: number;
  readonly client: number;
  readonly asked = new Set<number>();
  clientLives = true;
  readonly #decide: boolean;
  readonly #flows: number[] = [];

  constructor(decide: boolean, slowChannels: boolean) {
    this.#decide = decide;
    this.server = this.irm.join();
    this.client = this.irm.join();
    this.irm.ask(this.client, { t: 'name-create', name: NAME });
    this.irm.channelsAtOnce = !slowChannels;
  }

  run(step: string): void {
    const { irm, client, server } = this;
    const which = Number(step.at(-1));
    if (step.startsWith('alloc')) {
      if (!this.clientLives) return;
      this.asked.add(which);
      this.#flows[which] = this.asked.size;
      irm.say(client, { t: 'alloc', req: which, name: NAME, qos: qosCubes.raw, timeoutMs: 5_000 });
    } else if (step.startsWith('accept')) irm.accept(server, NAME, 1, { decide: this.#decide });
    else if (step.startsWith('answer')) irm.say(server, { t: 'answer', flow: this.#flow(which) });
    else if (step.startsWith('refuse')) {
      irm.say(server, { t: 'answer', flow: this.#flow(which), code: 'FLOWRING_REFUSED' });
    } else if (step.startsWith('cancel')) irm.say(client, { t: 'cancel', req: which });
    else if (step.startsWith('clientEnds')) irm.say(client, { t: 'dealloc', flow: this.#flow(which) });
    else if (step.startsWith('serverEnds')) irm.say(server, { t: 'dealloc', flow: this.#flow(which) });
    else if (step === 'clientDies') {
      this.clientLives = false;
      irm.gone(client);
    } else if (step === 'serverDies') irm.gone(server);
    else if (step === 'filesMade') irm.makeChannels();
    else irm.advance(6_000);
  }

  /** How often a request was answered. */
  answers(req: number): number {
    return this.irm
      .messages(this.client)
      .filter((m) => (m.t === 'allocated' || m.t === 'error') && m.req === req).length;
  }

  #flow(which: number): number {
    return this.#flows[which] ?? 1_000;
  }
}

/** Every order of every choice of up to `length` of the steps. */
function* orders(steps: readonly string[], length: number): Generator<readonly string[], void, undefined> {
  yield [];
  if (length === 0) return;
  for (const step of steps) {
    const rest = steps.filter((other) => other !== step);
    for (const tail of orders(rest, length - 1)) yield [step, ...tail];
  }
}

function check(steps: readonly string[], length: number, decide: boolean, slowChannels: boolean): number {
  let count = 0;
  for (const order of orders(steps, length)) {
    count += 1;
    const scene = new Scene(decide, slowChannels);
    for (const step of order) scene.run(step);
    const { irm } = scene;
    irm.makeChannels();
    irm.advance(10_000);
    const unanswered = [...scene.asked].filter((req) => scene.answers(req) !== 1);
    const repeated = unanswered.filter((req) => scene.answers(req) > 1);
    irm.gone(scene.server);
    irm.gone(scene.client);
    irm.ask(0, { t: 'name-destroy', name: NAME });
    irm.makeChannels();
    const { population, counters } = irm.machine;
    const left = Object.entries(population).filter(([, size]) => size !== 0);
    const wrong = scene.clientLives ? unanswered : repeated;
    if (left.length > 0 || wrong.length > 0 || counters.unlistedTransitions > 0) {
      const files = { made: irm.effects.filter((e) => e.type === 'make-channel').length };
      expect({ order, left, wrong, counters, files }).toBe('nothing left, one answer each');
    }
    const made = irm.effects.filter((effect) => effect.type === 'make-channel').length;
    const unlinked = irm.effects.filter((effect) => effect.type === 'unlink-channel').length;
    if (made !== unlinked) expect({ order, made, unlinked }).toBe('every file made is unlinked');
  }
  return count;
}

const ONE = [
  'alloc1',
  'accept1',
  'cancel1',
  'clientEnds1',
  'serverEnds1',
  'clientDies',
  'serverDies',
  'timeout',
];
const TWO = [
  'alloc1',
  'alloc2',
  'accept1',
  'accept2',
  'cancel1',
  'clientEnds2',
  'serverEnds1',
  'serverDies',
  'timeout',
];

describe('every order of up to six inputs leaves nothing and answers each request once', () => {
  test('for one flow that is taken at once', () => {
    expect(check(ONE, 6, false, false)).toBeGreaterThan(20_000);
  });

  test('for one flow that the server decides on', () => {
    expect(check([...ONE, 'answer1', 'refuse1'], 5, true, false)).toBeGreaterThan(30_000);
  });

  test('for one flow whose channel takes time', () => {
    expect(check([...ONE, 'filesMade'], 5, false, true)).toBeGreaterThan(15_000);
    expect(
      check(['alloc1', 'accept1', 'filesMade', 'answer1', 'serverDies', 'timeout', 'cancel1'], 6, true, true),
    ).toBeGreaterThan(5_000);
  });

  test('for two flows', () => {
    expect(check(TWO, 6, false, false)).toBeGreaterThan(60_000);
  });

  test('for two flows that the server decides on', () => {
    expect(
      check(
        ['alloc1', 'alloc2', 'accept1', 'accept2', 'answer2', 'refuse1', 'cancel2', 'clientDies'],
        6,
        true,
        false,
      ),
    ).toBeGreaterThan(20_000);
  });
});
