// `npm run bench:frcp [-- --ms 100]`: FRCP machine to machine in one process, no I/O, beside a plain queue of copies in the
// same rounds. Reported are medians and the best of the rounds, per second of CPU time, and heap bytes per PDU in steady
// state. A busy neighbour on the other thread of the core halves a round, so the goal is judged by the best one.
import { PerformanceObserver } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { crc32 } from 'node:zlib';
import { FrcpConnection, resolveParams } from '../packages/frcp/dist/index.js';

const ROUNDS = 15;
const BURST = 32;
const SLAB_BYTES = 1 << 20;
/** A slab starts anew when less than this is left: the largest PDU of any subject. */
const PDU_MAX_BYTES = 65_536;
const SIZES = [64, 1_024, 16_384];
const PACKETS_OF_HEAP_RUN = 1_000_000;
const GOALS = { 64: { perSecond: 1.5e6 }, 16_384: { gbPerSecond: 2 } };

const { values: options } = parseArgs({ options: { ms: { type: 'string', default: '100' } } });

const zlibCrc32 = (buf, start, end) => crc32(buf.subarray(start, end));
const subjects = {
  'plain queue': null,
  'reliable lower flow': { lowerReliable: true },
  'lossy lower flow': {},
  'reliable lower flow, integrity': { lowerReliable: true, integrity: true, crc32: zlibCrc32 },
  'lossy lower flow, integrity': { integrity: true, crc32: zlibCrc32 },
  'lossy lower flow, integrity, own CRC': { integrity: true },
  'lossy lower flow, MTU 1400': { mtuBytes: 1_400 },
};

/** Two machines that a driver moves PDUs between through two slabs; `turn` writes, moves and reads a burst. */
class Machines {
  constructor(over, bytes) {
    const randomU32 = () => (Math.random() * 0x1_0000_0000) >>> 0;
    const params = resolveParams({ mtuBytes: PDU_MAX_BYTES, windowBytes: 1 << 20, randomU32, ...over });
    this.a = new FrcpConnection(params, 0);
    this.b = new FrcpConnection(params, 0);
    this.there = { slab: new Uint8Array(SLAB_BYTES), at: 0 };
    this.back = { slab: new Uint8Array(SLAB_BYTES), at: 0 };
    this.sdu = new Uint8Array(bytes).fill(7);
    this.into = new Uint8Array(bytes);
    this.now = 1;
    this.got = 0;
    this.written = 0;
  }

  turn() {
    const { a, b, sdu, into } = this;
    const now = (this.now += 20);
    for (let n = 0; n < BURST && a.write(now, sdu) === 'queued'; n++) this.written++;
    this.pump(this.there, a, b);
    while (b.readInto(into) >= 0) this.got++;
    this.pump(this.back, b, a);
    while (a.pollEvent() !== null);
    while (b.pollEvent() !== null);
  }

  pump(wire, from, to) {
    const { now } = this;
    for (;;) {
      if (wire.at > SLAB_BYTES - PDU_MAX_BYTES) wire.at = 0;
      const bytes = from.pollTransmit(now, wire.slab, wire.at);
      if (bytes === 0) return;
      to.handlePdu(now, wire.slab, wire.at, wire.at + bytes);
      wire.at += bytes;
    }
  }

  get pdus() {
    return this.a.stats.pdusSent + this.b.stats.pdusSent;
  }

  check() {
    if (this.got !== this.written || this.a.stats.retransmits > 0)
      throw new Error(`${this.written} written, ${this.got} read, ${this.a.stats.retransmits} sent again`);
  }
}

/** What any queue between two parts of a program must do: keep a copy of what was written, give it to the reader. */
class PlainQueue {
  constructor(bytes) {
    this.sdu = new Uint8Array(bytes).fill(7);
    this.into = new Uint8Array(bytes);
    this.ring = new Array(BURST).fill(null);
    this.got = 0;
  }

  turn() {
    for (let n = 0; n < BURST; n++) this.ring[n] = this.sdu.slice();
    for (let n = 0; n < BURST; n++) {
      this.into.set(this.ring[n]);
      this.got++;
    }
  }

  check() {}
}

function make(name, bytes) {
  const over = subjects[name];
  return over === null ? new PlainQueue(bytes) : new Machines(over, bytes);
}

/** SDUs a second of CPU time. */
function rateOf(subject, forMs) {
  const before = subject.got;
  const cpu = process.cpuUsage();
  let ms = 0;
  while (ms < forMs) {
    for (let n = 0; n < 64; n++) subject.turn();
    const { user, system } = process.cpuUsage(cpu);
    ms = (user + system) / 1e3;
  }
  subject.check();
  return ((subject.got - before) / ms) * 1e3;
}

function measureSize(bytes) {
  const made = Object.keys(subjects).map((name) => ({ name, subject: make(name, bytes), rates: [] }));
  for (const { subject } of made) rateOf(subject, Number(options.ms) / 2);
  for (let round = 0; round < ROUNDS; round++)
    for (const one of made) one.rates.push(rateOf(one.subject, Number(options.ms)));
  return made.map(({ name, rates }) => {
    rates.sort((x, y) => x - y);
    return { name, perSecond: rates[ROUNDS >> 1], best: rates[ROUNDS - 1] };
  });
}

function printRates(bytes) {
  const rows = measureSize(bytes);
  const [{ perSecond: plain }] = rows;
  console.log(`\n${bytes} B`.padEnd(42) + 'M msg/s      GB/s   / queue      best: M msg/s      GB/s');
  for (const { name, perSecond, best } of rows) {
    const gb = (rate) => (rate * bytes) / 1e9;
    const cell = (value, width) => value.toFixed(2).padStart(width);
    const median = `${cell(perSecond / 1e6, 9)} ${cell(gb(perSecond), 9)} ${cell(perSecond / plain, 9)}`;
    const goal = GOALS[bytes];
    const passes = best >= (goal?.perSecond ?? 0) && gb(best) >= (goal?.gbPerSecond ?? 0);
    const verdict = goal === undefined || !/^\w+ lower flow$/.test(name) ? '' : passes ? '  PASS' : '  FAIL';
    console.log(`${name.padEnd(38)}${median}${cell(best / 1e6, 19)} ${cell(gb(best), 9)}${verdict}`);
  }
}

/** Heap bytes allocated per PDU, and collections, over a million PDUs after as many to warm up. */
async function heapOf(name) {
  const subject = make(name, 64);
  while (subject.pdus < PACKETS_OF_HEAP_RUN) subject.turn();
  let collections = 0;
  const observer = new PerformanceObserver((list) => (collections += list.getEntries().length));
  globalThis.gc();
  await new Promise((resolve) => setTimeout(resolve, 20));
  observer.observe({ entryTypes: ['gc'] });
  const from = subject.pdus;
  const before = process.memoryUsage().heapUsed;
  while (subject.pdus - from < PACKETS_OF_HEAP_RUN) subject.turn();
  const grown = process.memoryUsage().heapUsed - before;
  await new Promise((resolve) => setTimeout(resolve, 20));
  observer.disconnect();
  return { bytesPerPdu: grown / (subject.pdus - from), collections };
}

for (const bytes of SIZES) printRates(bytes);
console.log(`\nHeap in steady state, ${PACKETS_OF_HEAP_RUN.toLocaleString('en-US')} PDUs of 64 B`);
if (globalThis.gc === undefined) console.log('not measured: run with --expose-gc --min-semi-space-size=64');
else
  for (const name of Object.keys(subjects).filter((one) => subjects[one] !== null)) {
    const { bytesPerPdu, collections } = await heapOf(name);
    console.log(
      `${name.padEnd(38)}${bytesPerPdu.toFixed(3).padStart(9)} bytes a PDU, ${collections} collections`,
    );
  }
