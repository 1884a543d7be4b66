import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '@flowring/common';
import fc from 'fast-check';
import type { FlowPort, FlowReceiver } from '../src/channel.ts';
import { BatchLink } from '../src/core/batch-link.ts';
import type { Slab } from '../src/core/link.ts';
import { Mux } from '../src/core/mux.ts';
import { SlabPool } from '../src/core/slab-pool.ts';
import { StreamReader } from '../src/core/stream-reader.ts';
import { twoMuxes } from './two-muxes.ts';

const RING_BYTES = 4_096;
const WINDOW_BYTES = 1_500;
const MESSAGE_MAX_BYTES = 3_000;
const BOUND_BYTES = WINDOW_BYTES + MESSAGE_MAX_BYTES + 32;
const FLOWS = [1, 2, 3];
const HEAD = Buffer.alloc(13, 0xff);

function slabOf(words: Int32Array<ArrayBuffer>): Slab {
  return { buffer: Buffer.from(words.buffer), words, isKept: false, claims: 0 };
}

/** A flow seen from one end: what it was given to send, what came, what was read. */
class Talker {
  readonly sent: Buffer[] = [];
  readonly came: Buffer[] = [];
  ended = false;
  errno = -1;
  read = 0;
  cameUnreadBytes = 0;
  port!: FlowPort;

  onMessage(slab: Buffer, start: number, end: number): void {
    if (this.errno !== -1) throw new Error('a message after the end');
    this.came.push(Buffer.from(slab.subarray(start, end)));
    this.cameUnreadBytes += end - start + 32;
    if (this.cameUnreadBytes >= BOUND_BYTES) throw new Error('more came than the window and a message');
  }
  onEnd(errno: number): void {
    expect(this.errno).toBe(-1);
    this.errno = errno;
  }
  onWritable(): void {}

  send(message: Buffer): void {
    if (!this.ended && this.port.trySend(message) === 'sent') this.sent.push(message);
    if (this.port.inFlightBytes >= BOUND_BYTES)
      throw new Error('more in flight than the window and a message');
  }
  /** Five of them, each behind a header that does not travel. */
  sendRun(message: Buffer): void {
    if (this.ended) return;
    const bytes = Buffer.concat(Array.from({ length: 5 }, () => [HEAD, message]).flat());
    const sent = this.port.trySendRun(bytes, HEAD.length, HEAD.length + message.length, message.length, 5);
    for (let i = 0; i < sent; i++) this.sent.push(message);
    if (this.port.inFlightBytes >= BOUND_BYTES)
      throw new Error('more in flight than the window and a message');
  }
  consume(count: number): void {
    for (let i = 0; i < count && this.read < this.came.length; i++) {
      const bytes = this.came[this.read++]!.length;
      this.cameUnreadBytes -= bytes + 32;
      this.port.consumed(bytes);
    }
  }
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.port.end(0);
  }
}

/** One that takes runs. */
class RunTalker extends Talker {
  onMessageRun(slab: Buffer, start: number, strideBytes: number, messageBytes: number, count: number): void {
    expect(count).toBeGreaterThan(1);
    for (let i = 0, at = start; i < count; i++, at += strideBytes)
      this.onMessage(slab, at, at + messageBytes);
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('send'), bytes: fc.nat(MESSAGE_MAX_BYTES) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('run'), bytes: fc.nat(400) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('turn'), bytes: fc.constant(0) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('consume'), bytes: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end'), bytes: fc.constant(0) }) },
);
const plan = fc.array(fc.record({ step, side: fc.nat(1), flow: fc.nat(FLOWS.length - 1) }), {
  maxLength: 120,
});

describe('a mux', () => {
  test('keeps order, boundaries and credit bounds in any interleaving, and delivers everything in the end', () => {
    fc.assert(
      fc.property(plan, fc.boolean(), (steps, isLate) => {
        const { ends } = twoMuxes(RING_BYTES);
        const talkers = [Talker, RunTalker].map((Side) => FLOWS.map(() => new Side()));
        const attach = (side: number): void => {
          for (const [i, flow] of FLOWS.entries()) {
            const talker = talkers[side]![i]!;
            talker.port = ends[side]!.mux.attach(flow, talker, { windowBytes: WINDOW_BYTES });
          }
        };
        attach(0);
        if (!isLate) attach(1);
        for (const [at, { step, side, flow }] of steps.entries()) {
          if (isLate && at === steps.length >> 1) attach(1);
          const talker = talkers[side]![flow]!;
          if (step.do === 'turn') {
            if (!ends[side]!.turn()) throw new Error('a rule was broken');
          } else if (talker.port === undefined) continue;
          else if (step.do === 'send') talker.send(Buffer.alloc(step.bytes, at));
          else if (step.do === 'run') talker.sendRun(Buffer.alloc(step.bytes, at));
          else if (step.do === 'consume') talker.consume(step.bytes);
          else talker.end();
        }
        if (talkers[1]![0]!.port === undefined) attach(1);
        for (let i = 0; i < 300; i++) {
          for (const side of [0, 1]) {
            if (!ends[side]!.turn()) throw new Error('a rule was broken');
            for (const talker of talkers[side]!) talker.consume(100);
          }
        }
        for (const side of [0, 1]) {
          for (const [i, talker] of talkers[side]!.entries()) {
            const other = talkers[1 - side]![i]!;
            expect(Buffer.concat(other.came).equals(Buffer.concat(talker.sent))).toBe(true);
            expect(other.came.map((m) => m.length)).toEqual(talker.sent.map((m) => m.length));
            expect(other.errno).toBe(talker.ended ? 0 : -1);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('gives messages of one length and one flow that come together as a run, as far as the credit goes', () => {
    const { ends } = twoMuxes(RING_BYTES);
    const runs: [flow: number, messageBytes: number, count: number][] = [];
    const receiver = (flow: number): FlowReceiver => ({
      onMessage: (_slab, start, end) => void runs.push([flow, end - start, 1]),
      onMessageRun: (_slab, _start, _stride, bytes, count) => void runs.push([flow, bytes, count]),
      onEnd() {},
      onWritable() {},
    });
    const ports = FLOWS.map((flow) => {
      ends[1]!.mux.attach(flow, receiver(flow), { windowBytes: WINDOW_BYTES });
      return ends[0]!.mux.attach(flow, new Talker(), { windowBytes: 2 * WINDOW_BYTES });
    });
    const send = (flow: number, bytes: number, count: number): void => {
      for (let i = 0; i < count; i++) ports[flow - 1]!.trySend(Buffer.alloc(bytes));
    };
    send(1, 12, 4);
    send(1, 13, 2);
    send(2, 13, 1);
    send(1, 12, 1);
    send(2, 268, 7);
    expect(ends[1]!.turn()).toBe(false);
    expect(runs).toEqual([
      [1, 12, 4],
      [1, 13, 2],
      [2, 13, 1],
      [1, 12, 1],
      [2, 268, 5],
    ]);
  });

  test('never throws on any bytes of a stream, and holds no more than its bounds', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (chunks) => {
        const mux = new Mux(
          new BatchLink(
            () => true,
            () => undefined,
          ),
          () => undefined,
        );
        mux.attach(0, { onMessage() {}, onEnd() {}, onWritable() {} });
        const reader = new StreamReader(mux, new SlabPool(), 65_528);
        for (const chunk of chunks) if (!reader.push(Buffer.from(chunk))) return;
      }),
    );
  });

  test('refuses records no honest peer sends', () => {
    const word = (type: number, length: number): number => (type << 24) | length;
    const bad = [
      [word(9, 8), 1, 0, 0],
      [word(3, 8), 1, 1, 0],
      [word(3, 0), 1],
      [word(4, 16), 1, 0, 0, 0, 0],
      [word(0, 64), 1],
    ];
    for (const words of bad) {
      const mux = new Mux(
        new BatchLink(
          () => true,
          () => undefined,
        ),
        () => undefined,
      );
      mux.attach(1, { onMessage() {}, onEnd() {}, onWritable() {} });
      const slab = slabOf(Int32Array.from(words));
      expect(mux.receive(slab, 0, slab.buffer.length)).toBe(false);
    }
  });

  test('refuses messages beyond the credit it gave', () => {
    const mux = new Mux(
      new BatchLink(
        () => true,
        () => undefined,
      ),
      () => undefined,
    );
    mux.attach(1, { onMessage() {}, onEnd() {}, onWritable() {} }, { windowBytes: 100 });
    const words = Int32Array.from([8, 1, 0, 0]);
    const slab = slabOf(words);
    const verdicts = Array.from({ length: 4 }, () => mux.receive(slab, 0, 16));
    expect(verdicts).toEqual([true, true, true, false]);
  });

  test('keeps a bounded number of flows nobody attached', () => {
    const mux = new Mux(
      new BatchLink(
        () => true,
        () => undefined,
      ),
      () => undefined,
    );
    let flow = 0;
    const next = (): boolean => {
      const words = Int32Array.from([0, ++flow]);
      return mux.receive(slabOf(words), 0, 8);
    };
    while (next());
    expect(flow).toBe(LIMITS.channelEarlyFlowsMax + 1);
  });

  test('wakes flows that wait for room in the order they asked', () => {
    const { ends } = twoMuxes(RING_BYTES);
    const woken: number[] = [];
    const ports = [5, 3, 4].map((flow) => {
      const receiver = { onMessage() {}, onEnd() {}, onWritable: () => woken.push(flow) };
      return ends[0].mux.attach(flow, receiver, { windowBytes: 1_000_000 });
    });
    const fill = Buffer.alloc(400);
    for (const port of ports) while (port.trySend(fill) === 'sent');
    for (let i = 0; i < 10; i++) ends[1].turn();
    ends[0].turn();
    expect(woken).toEqual([5, 3, 4]);
  });

  test('costs at most 350 bytes for an idle flow', () => {
    const mux = new Mux(
      new BatchLink(
        () => true,
        () => undefined,
      ),
      () => undefined,
    );
    const receiver = { onMessage() {}, onEnd() {}, onWritable() {} };
    const heap = (): number => process.memoryUsage().heapUsed;
    const attach = (from: number): void => {
      for (let flow = from; flow < from + 20_000; flow++) mux.attach(flow, receiver);
    };
    attach(1);
    const costs = [1, 2, 3, 4, 5].map((run) => {
      const before = heap();
      attach(1 + run * 20_000);
      return (heap() - before) / 20_000;
    });
    expect(Math.min(...costs.filter((cost) => cost > 0))).toBeLessThan(350);
  });
});
