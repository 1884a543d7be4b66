import { describe, expect, test } from '@jest/globals';
import { Dice } from '../sim/seeded.ts';
import { DeliveryQueue } from './relay/delivery-queue.ts';
import { CLEAN, Link, type Delivery, type Impairment } from './relay/link.ts';

const COUNT = 20_000;

function link(impairment: Partial<Impairment>, seed = 1): Link {
  const made = new Link(new Dice(seed));
  made.impairment = { ...CLEAN, ...impairment };
  return made;
}

/** Carries `count` datagrams, one each millisecond; the first byte tells which. */
function carryMany(of: Link, count = COUNT): Delivery[][] {
  return Array.from({ length: count }, (_, n) => of.carry(Uint8Array.of(n & 0xff, n >> 8, 7), n * 1_000));
}

const arrived = (carried: readonly Delivery[][]): boolean[] => carried.map((copies) => copies.length > 0);

/** Lengths of the stretches of losses. */
function lossBursts(carried: readonly Delivery[][]): number[] {
  const text = arrived(carried)
    .map((came) => (came ? '+' : '-'))
    .join('');
  return text.match(/-+/g)!.map((burst) => burst.length);
}

describe('a link of the relay', () => {
  test('delivers each datagram at once and unchanged when nothing is wrong', () => {
    const datagram = Uint8Array.of(1, 2, 3);
    expect(link({}).carry(datagram, 5)).toEqual([{ atUs: 5, datagram }]);
  });

  test.each([1, 3])('loses the share asked for in bursts of at most %i', (lossBurstMax) => {
    const carried = carryMany(link({ lossPct: 30, lossBurstMax }));
    const lost = arrived(carried).filter((came) => !came).length;
    expect(lost / COUNT).toBeCloseTo(0.3, 1);
    if (lossBurstMax > 1) expect(Math.max(...lossBursts(carried))).toBe(lossBurstMax);
  });

  test('loses each so manieth when told to', () => {
    expect(arrived(carryMany(link({ loseEvery: 3 }), 6))).toEqual([true, true, false, true, true, false]);
  });

  test('lets nothing through while it is down', () => {
    expect(arrived(carryMany(link({ isDown: true }), 100))).not.toContain(true);
  });

  test('delivers the copies asked for', () => {
    const carried = carryMany(link({ duplicatePct: 10, duplicateCopies: 100 }));
    const storms = carried.filter((copies) => copies.length === 101).length;
    expect(storms / COUNT).toBeCloseTo(0.1, 1);
    expect(carried.filter((copies) => copies.length === 1).length).toBe(COUNT - storms);
  });

  test('flips one bit in a copy, and leaves what it was given alone', () => {
    const datagram = new Uint8Array(100);
    const [delivery] = link({ corruptPct: 100 }).carry(datagram, 0);
    const changed = delivery!.datagram.filter((byte) => byte !== 0);
    expect(changed.length).toBe(1);
    expect(Math.log2(changed[0]!) % 1).toBe(0);
    expect(datagram.every((byte) => byte === 0)).toBe(true);
  });

  test('delays all, and some up to the lateness asked for', () => {
    const carried = carryMany(link({ delayUs: 15_000, reorderPct: 50, reorderUs: 200_000 }));
    const later = carried.map(([delivery], n) => delivery!.atUs - n * 1_000 - 15_000);
    expect(later.filter((us) => us > 0).length / COUNT).toBeCloseTo(0.5, 1);
    expect(Math.min(...later)).toBe(0);
    expect(Math.max(...later)).toBeLessThanOrEqual(200_000);
    expect(Math.max(...later)).toBeGreaterThan(190_000);
  });

  test('drops what is larger than its MTU, headers included, without a word', () => {
    const narrow = link({ mtuBytes: 1_280 });
    expect(narrow.carry(new Uint8Array(1_252), 0).length).toBe(1);
    expect(narrow.carry(new Uint8Array(1_253), 0).length).toBe(0);
    expect(narrow.counts.oversize).toBe(1);
  });

  test('lets through no more than its rate, and drops what its queue has no room for', () => {
    const slow = link({ rateKbps: 8_000, queueBytes: 3_000 });
    const carried = Array.from({ length: 10 }, () => slow.carry(new Uint8Array(972), 0));
    // 1,000 bytes a millisecond: one leaves at once, and while 3,000 bytes wait there is room for one more.
    expect(carried.flat().map(({ atUs }) => atUs)).toEqual([1_000, 2_000, 3_000, 4_000]);
    expect(slow.counts.queueDrops).toBe(6);
  });

  test('decides the same for the same seed, and otherwise for another', () => {
    const run = (seed: number): boolean[] => arrived(carryMany(link({ lossPct: 50 }, seed), 100));
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
  });
});

describe('a link of whole IP packets', () => {
  test('lets through what has its headers in it', () => {
    const packets = new Link(new Dice(1), 0);
    packets.impairment = { ...CLEAN, mtuBytes: 1_500, rateKbps: 100_000 };
    expect(packets.carry(new Uint8Array(1_500), 0).map(({ atUs }) => atUs)).toEqual([120]);
    expect(packets.carry(new Uint8Array(1_501), 0)).toEqual([]);
  });
});

describe('the queue of deliveries', () => {
  test('gives what is due, by time and then by order of arrival', () => {
    const queue = new DeliveryQueue<Delivery>();
    const dice = new Dice(3);
    const added = Array.from({ length: 500 }, (_, n) => ({
      atUs: dice.below(50),
      datagram: Uint8Array.of(n & 0xff, n >> 8),
    }));
    for (const delivery of added) queue.add(delivery);
    const wanted = added.filter(({ atUs }) => atUs <= 20).sort((x, y) => x.atUs - y.atUs);
    expect(Array.from(wanted, () => queue.take(20))).toEqual(wanted);
    expect(queue.take(20)).toBeNull();
    expect(queue.size).toBe(added.length - wanted.length);
  });
});
