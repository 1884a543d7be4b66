// A path between two hosts for every protocol of IP: two interfaces, and between them a Link each way. Under remote
// control of hosts.mjs; one bottleneck, and one queue before it, for all that crosses in a direction.
import { serveOperations } from '../../test/scenarios/serve-operations.mjs';
import { Dice } from '../../test/sim/seeded.ts';
import { DeliveryQueue } from '../../test/netns/relay/delivery-queue.ts';
import { CLEAN, Link } from '../../test/netns/relay/link.ts';
import { Tun, TunWait } from './tun.mjs';

/** Read of one interface before those that are due are delivered. */
const READS_PER_TURN = 64;
/** For so long at a time calls of our parent wait. */
const SLICE_US = 5_000;

let ways = [];
const seen = { delivered: 0, refused: 0, lateUs: 0, lateMaxUs: 0 };

function way(dice, from, to) {
  // What is read are IP packets: their headers are in them.
  return { from, to, link: new Link(dice, 0), waiting: new DeliveryQueue() };
}

function take({ from, link, waiting }) {
  for (let n = 0; n < READS_PER_TURN; n += 1) {
    const packet = from.read();
    if (packet === null) return;
    for (const delivery of link.carry(packet, nowUs())) waiting.add(delivery);
  }
}

function deliver({ to, waiting }) {
  const now = nowUs();
  for (let due = waiting.take(now); due !== null; due = waiting.take(now)) {
    const lateUs = now - due.atUs;
    seen.delivered += 1;
    seen.lateUs += lateUs;
    seen.lateMaxUs = Math.max(seen.lateMaxUs, lateUs);
    if (!to.write(due.datagram)) seen.refused += 1;
  }
}

function run(tuns) {
  const waiter = new TunWait(tuns);
  const slice = () => {
    const until = nowUs() + SLICE_US;
    for (let now = nowUs(); now < until; now = nowUs()) {
      const nextUs = Math.min(until, ...ways.map(({ waiting }) => waiting.nextAtUs));
      if (nextUs > now) waiter.wait(nextUs - now);
      ways.forEach(take);
      ways.forEach(deliver);
    }
    setImmediate(slice);
  };
  slice();
}

function nowUs() {
  return Math.floor(performance.now() * 1_000);
}

serveOperations({
  open(seed, names) {
    const dice = new Dice(seed);
    const [a, b] = names.map((name) => new Tun(name));
    ways = [way(dice.fork(), a, b), way(dice.fork(), b, a)];
    run([a, b]);
  },
  impair(impairment) {
    for (const { link } of ways) link.impairment = { ...CLEAN, ...impairment };
  },
  /** Of each way since it is open; of both since the last call: packets delivered, refused, and how late, us. */
  counts() {
    const { delivered, refused, lateUs, lateMaxUs } = seen;
    Object.assign(seen, { delivered: 0, refused: 0, lateUs: 0, lateMaxUs: 0 });
    const late = { meanUs: lateUs / Math.max(1, delivered), maxUs: lateMaxUs };
    return { ways: ways.map(({ link }) => ({ ...link.counts })), delivered, refused, late };
  },
});
