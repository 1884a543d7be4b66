// Machine to machine in one process, no I/O, per second of CPU time: `node packages/frcp/bench/machine.mjs [seconds]` after a build.
import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { crc32 } from 'node:zlib';
import { FrcpConnection, resolveParams } from '../dist/index.js';

const seconds = Number(process.argv[2] ?? 2);
const SLAB_BYTES = 65_536;

const params = (over) =>
  resolveParams({ mtuBytes: 65_536, randomU32: () => (Math.random() * 0x1_0000_0000) >>> 0, ...over });

/** Moves PDUs from one end to the other through slabs, as a driver does. */
class Wire {
  constructor() {
    this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES * 2);
    this.at = 0;
  }
  pump(now, from, to) {
    let moved = 0;
    for (;;) {
      if (this.at > SLAB_BYTES) {
        this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES * 2);
        this.at = 0;
      }
      const n = from.pollTransmit(now, this.slab, this.at);
      if (n === 0) return moved;
      to.handlePdu(now, this.slab, this.at, this.at + n);
      this.at += n;
      moved++;
    }
  }
}

function run(bytes, over, forMs) {
  const p = params(over);
  const a = new FrcpConnection(p, 0);
  const b = new FrcpConnection(p, 0);
  const [there, back] = [new Wire(), new Wire()];
  const sdu = new Uint8Array(bytes).fill(7);
  let now = 1;
  let count = 0;
  let got = 0;
  const start = performance.now();
  const cpu = process.cpuUsage();
  while (performance.now() - start < forMs) {
    for (let turn = 0; turn < 64; turn++) {
      now += 20;
      for (let n = 0; n < 32 && a.write(now, sdu) === 'queued'; n++) count++;
      there.pump(now, a, b);
      while (b.read() !== null) got++;
      back.pump(now, b, a);
      while (a.pollEvent() !== null);
      while (b.pollEvent() !== null);
    }
  }
  const { user, system } = process.cpuUsage(cpu);
  const ms = (user + system) / 1e3;
  if (got !== count || a.stats.retransmits > 0) throw new Error(`lost ${count - got}`);
  return { perSecond: (got / ms) * 1e3, gbPerSecond: (got * bytes) / ms / 1e6 };
}

function queueBaseline(bytes, forMs) {
  const sdu = new Uint8Array(bytes).fill(7);
  const queue = [];
  let got = 0;
  const start = performance.now();
  while (performance.now() - start < forMs) {
    for (let turn = 0; turn < 64; turn++) {
      for (let n = 0; n < 32; n++) queue.push(sdu.slice());
      while (queue.length > 0) got += queue.pop().length > 0 ? 1 : 0;
    }
  }
  return (got / (performance.now() - start)) * 1e3;
}

/** Heap bytes allocated per message in steady state: one slab, nothing collected in between. */
function allocationPerMessage(bytes) {
  const p = params({});
  const a = new FrcpConnection(p, 0);
  const b = new FrcpConnection(p, 0);
  const slab = new Uint8Array(1 << 20);
  const sdu = new Uint8Array(bytes);
  let now = 1;
  const turn = (reads) => {
    now += 20;
    for (let n = 0; n < 32; n++) a.write(now, sdu);
    let at = 0;
    for (let n = a.pollTransmit(now, slab, 0); n > 0; n = a.pollTransmit(now, slab, at)) {
      b.handlePdu(now, slab, at, at + n);
      at = at + n > slab.length - 70_000 ? 0 : at + n;
    }
    if (reads) while (b.read() !== null);
    for (let n = b.pollTransmit(now, slab, 0); n > 0; n = b.pollTransmit(now, slab, 0))
      a.handlePdu(now, slab, 0, n);
    a.pollEvent();
    b.pollEvent();
  };
  for (let n = 0; n < 20_000; n++) turn(true);
  const measure = (turns, reads) => {
    globalThis.gc?.();
    const before = getHeapStatistics().total_heap_size && process.memoryUsage().heapUsed;
    for (let n = 0; n < turns; n++) turn(reads);
    return (process.memoryUsage().heapUsed - before) / (turns * 32);
  };
  return { withReads: measure(100, true), queuedOnly: measure(3, false) };
}

function idleBytes() {
  const p = params({});
  const kept = [];
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 20_000; n++) kept.push(new FrcpConnection(p, 0));
  globalThis.gc?.();
  return (process.memoryUsage().heapUsed - before) / kept.length;
}

for (const bytes of [64, 1_024, 16_384]) {
  run(bytes, {}, 300);
  for (const [name, over] of [
    ['lossy', {}],
    ['lower-reliable', { lowerReliable: true }],
    ['integrity', { integrity: true }],
    ['integrity, zlib', { integrity: true, crc32: (b, s, e) => crc32(b.subarray(s, e)) }],
  ]) {
    const r = run(bytes, over, seconds * 1e3);
    console.log(
      `${bytes} B ${name}: ${(r.perSecond / 1e6).toFixed(2)} M msg/s, ${r.gbPerSecond.toFixed(2)} GB/s`,
    );
  }
  console.log(`${bytes} B array of copies: ${(queueBaseline(bytes, 500) / 1e6).toFixed(2)} M msg/s`);
}
console.log('heap bytes per 64 B message', allocationPerMessage(64));
console.log('heap bytes of an idle connection', Math.round(idleBytes()));
