import { expect, test } from '@jest/globals';
import { createMemoryChannelPair } from '@flowring/channel';
import { qosCubes } from '@flowring/common';
import { resolveParams } from '@flowring/frcp';
import fc from 'fast-check';
import { RealClock } from '../src/clock.ts';
import type { BaseFlow } from '../src/flow-base.ts';
import type { FlowSeed } from '../src/flow-host.ts';
import { FrcpDriver } from '../src/frcp-driver.ts';
import { FrcpFlow } from '../src/frcp-flow.ts';
import { messageView } from '../src/message-view.ts';
import { RawFlow } from '../src/raw-flow.ts';

const MESSAGE_MAX_BYTES = 40_000;
const clock = new RealClock();
const params = resolveParams({
  mtuBytes: 65_000,
  lowerReliable: true,
  viewOf: messageView,
  randomU32: () => 7,
});

/** Two ends of one flow over a channel in this process. `listed` hears of flows that hold slabs. */
function flowPair(
  kind: 'raw' | 'reliable',
  listed: (flow: BaseFlow) => void = () => undefined,
): [BaseFlow, BaseFlow] {
  const [a, b] = createMemoryChannelPair();
  const driver = new FrcpDriver(clock);
  return [endOn(a), endOn(b)];

  function endOn(channel: typeof a): BaseFlow {
    const host = { clock, driver, holdsSlabs: listed, released: () => undefined };
    const seed: FlowSeed = { id: 1, name: 'n', qos: qosCubes.raw, peer: { pid: 1, uid: 1, program: 'p' } };
    const flow =
      kind === 'raw' ? new RawFlow(host, seed, MESSAGE_MAX_BYTES) : new FrcpFlow(host, seed, params);
    flow.attached(channel.attach(1, flow));
    return flow;
  }
}

const reading = fc.constantFrom('tryRead', 'read', 'tryReadInto', 'readInto', 'part', 'compact', 'write');
const step = fc.record({ reading, bytes: fc.integer({ min: 0, max: MESSAGE_MAX_BYTES }) });

async function readBack(
  kind: 'raw' | 'reliable',
  steps: { reading: string; bytes: number }[],
): Promise<void> {
  const [out, into] = flowPair(kind);
  const kept: [Buffer, number][] = [];
  const target = Buffer.alloc(MESSAGE_MAX_BYTES);
  let written = 0;
  let read = 0;
  const isOf = (bytes: Buffer, n: number): boolean => bytes.every((byte) => byte === (n & 0xff));
  for (const { reading: how, bytes } of steps) {
    if (out.tryWrite(Buffer.alloc(bytes, written)) === 'sent') written += 1;
    if (how === 'write') continue;
    if (how === 'compact') into.compact();
    await new Promise(setImmediate);
    if (!into.isReadable) continue;
    if (how === 'tryRead' || how === 'read') {
      const message = how === 'read' ? await into.read() : into.tryRead();
      if (!Buffer.isBuffer(message)) throw new Error(`read gave ${String(message)}`);
      kept.push([message, read++]);
    } else if (how === 'part') {
      for (let rest = 1; rest > 0; rest = into.restBytes) {
        const part = await into.readInto(target.subarray(0, 1_000), { partial: true });
        expect(isOf(target.subarray(0, part!), read)).toBe(true);
      }
      read += 1;
    } else {
      const got = how === 'readInto' ? await into.readInto(target) : into.tryReadInto(target);
      expect(isOf(target.subarray(0, got as number), read++)).toBe(true);
    }
  }
  for (const [message, n] of kept) expect(isOf(message, n)).toBe(true);
  out.abort();
  into.abort();
}

test.each(['raw', 'reliable'] as const)(
  'messages of a %s flow stay as they were read, whatever is read after them and how',
  async (kind) => {
    const steps = fc.array(step, { minLength: 20, maxLength: 120 });
    await fc.assert(
      fc.asyncProperty(steps, (them) => readBack(kind, them)),
      { numRuns: 30 },
    );
  },
);

test.each([1, 3])(
  'a flow that was made compact asks for it again when %i messages more come',
  async (count) => {
    const listed: BaseFlow[] = [];
    const [out, into] = flowPair('raw', (flow) => listed.push(flow));
    const receive = async (messages: number): Promise<void> => {
      for (let i = 0; i < messages; i++) out.tryWrite(Buffer.from('unread'));
      await new Promise(setImmediate);
    };
    await receive(3);
    expect(listed).toEqual([into]);
    into.compact();
    await receive(count);
    expect(listed).toEqual([into, into]);
    expect(into.rxQueueLength).toBe(3 + count);
    out.abort();
    into.abort();
  },
);

test('a message that is larger than the target stays for the next read', async () => {
  const [out, into] = flowPair('raw');
  out.tryWrite(Buffer.from('too long'));
  await new Promise(setImmediate);
  expect(() => into.tryReadInto(Buffer.alloc(3))).toThrow(
    expect.objectContaining({ code: 'FLOWRING_MESSAGE_TOO_LARGE' }),
  );
  const target = Buffer.alloc(8);
  expect(into.tryReadInto(target)).toBe(8);
  expect(target.toString()).toBe('too long');
  expect(into.tryReadInto(target)).toBe('would-block');
  out.abort('FLOWRING_FLOW_DOWN');
  await new Promise(setImmediate);
  expect(() => into.tryReadInto(target)).toThrow(expect.objectContaining({ code: 'FLOWRING_FLOW_DOWN' }));
  into.abort();
});
