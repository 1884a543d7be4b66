import { describe, expect, test } from '@jest/globals';
import type { FaWorldOptions } from './fa-world.ts';
import { FaWorld } from './fa-world.ts';
import { Dice } from './seeded.ts';

/** Seeds of one run; `SIM_SEEDS=2000` runs more, `SIM_SEED=17` only that one. */
const SEEDS = Number(process.env['SIM_SEEDS'] ?? 60);
const ONLY = process.env['SIM_SEED'];
const seeds = ONLY === undefined ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [Number(ONLY)];

/** Swarm: each fault may be off, so that pure cases occur too. */
function faulty(seed: number): FaWorldOptions {
  const dice = new Dice(seed ^ 0x5eed);
  const some = (value: number): number => (dice.chance(700) ? value : 0);
  return {
    seed,
    hosts: dice.between(2, 5),
    allocs: dice.between(1, 40),
    loss: some(dice.between(0, 500)),
    duplication: some(dice.between(0, 500)),
    delayMinUs: dice.between(10, 50_000),
    delayMaxUs: dice.between(50_000, 900_000),
    oneWayLoss: dice.chance(300),
    stalls: some(dice.between(1, 6)),
    stallMaxUs: 15_000_000,
    suspensions: 0,
    restarts: some(dice.between(1, 4)),
    aborts: some(300),
    refusals: some(200),
    timeoutsMs: dice.pick([[1_000], [3_000], [0], [500, 3_000, 10_000], [0, 2_000]]),
    longLived: dice.chance(200),
  };
}

/** A network that loses packets and hosts that stall or sleep, but nobody dies. */
function healthy(seed: number): FaWorldOptions {
  const dice = new Dice(seed ^ 0xa11fe);
  return {
    ...faulty(seed),
    loss: dice.between(0, 200),
    delayMaxUs: dice.between(50_000, 200_000),
    oneWayLoss: false,
    stallMaxUs: 500_000,
    suspensions: dice.between(0, 3),
    restarts: 0,
    aborts: 0,
    refusals: 0,
    timeoutsMs: [3_000, 5_000, 120_000],
    longLived: true,
  };
}

const EMPTY = { flows: 0, incoming: 0, eids: 0, resting: 0, answers: 0, peers: 0, timers: 0 };

/** What the two ends of every allocation must agree on once the network is good again. */
function disagreements(world: FaWorld): string[] {
  return world.allocs.flatMap((alloc) => {
    const said: string[] = [];
    const say = (text: string): void =>
      void said.push(`alloc ${alloc.index} of seed ${world.options.seed}: ${text}`);
    const accepted = alloc.offers.filter((offer) => offer.state === 'accepted');
    const alive = accepted.filter((offer) => offer.end === null);
    if (alive.length > 1) say('I31: two flows are alive');
    if (alloc.outcome === 'pending' && alloc.clientEnd === null) say('never settled');
    if (alloc.outcome === 'ok' && alloc.clientEnd === null && alive.length === 0)
      say('I32: only the client lives');
    const clientLeft = alloc.outcome !== 'ok' || alloc.clientEnd !== null;
    if (clientLeft && alive.length > 0)
      say(`I32/I35: the client is gone (${alloc.outcome}), the server lives`);
    if (
      alloc.offers.some(
        (offer) => offer.state === 'offered' && offer.incarnation === alloc.server.incarnation,
      )
    ) {
      say('an offer was never settled');
    }
    return said;
  });
}

describe('flow allocators on a bad network', () => {
  test('agree on every flow, accept each request once and leave nothing behind', () => {
    for (const seed of seeds) {
      const world = new FaWorld(faulty(seed));
      world.runFaults();
      expect({ seed, wrong: [...world.violations, ...disagreements(world)] }).toEqual({ seed, wrong: [] });
      world.runDown();
      for (const host of world.hosts) {
        expect({ seed, host: host.index, ...host.allocator.inspect() }).toEqual({
          seed,
          host: host.index,
          ...EMPTY,
        });
      }
    }
  });

  test('call nobody gone who is only slow, asleep or badly connected', () => {
    let flows = 0;
    for (const seed of seeds) {
      const world = new FaWorld(healthy(seed));
      world.runFaults();
      const allocated = world.allocs.filter((alloc) => alloc.outcome === 'ok');
      const ends = allocated.flatMap((alloc) => [alloc.clientEnd, ...alloc.offers.map((offer) => offer.end)]);
      expect({ seed, ends: ends.filter((end) => end !== null) }).toEqual({ seed, ends: [] });
      flows += allocated.length;
    }
    expect(flows).toBeGreaterThan(seeds.length);
  });

  test('do exactly the same again for the same seed', () => {
    for (const seed of seeds.slice(0, 10)) {
      const traces = [1, 2].map(() => {
        const world = new FaWorld(faulty(seed));
        world.runFaults();
        return [world.trace, world.events];
      });
      expect(traces[0]).toEqual(traces[1]);
    }
  });
});
