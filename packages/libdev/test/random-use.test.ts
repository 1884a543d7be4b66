import { describe, expect } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import type { Flow } from '../src/index.ts';
import { createTestLayer } from '../src/testing.ts';
import { codeOf, pair } from './support.ts';

const END = fc.constantFrom('a' as const, 'b' as const);
const STEP = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('write' as const), end: END, bytes: fc.nat(20_000) }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('read' as const), end: END }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('advance' as const), ms: fc.nat(50) }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constantFrom('dealloc' as const, 'abort' as const), end: END }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('kill' as const, 'restart' as const) }) },
);
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

describe('random use', () => {
  for (const qos of ['raw', 'bestEffort', 'data'] as const) {
    test.prop([fc.array(STEP, { maxLength: 60 }), fc.integer()], { numRuns: 60 })(
      `settles every call, keeps the order and leaks nothing on ${qos}`,
      async (steps, seed) => {
        const layer = createTestLayer({ clock: 'virtual', latencyUs: 300, seed });
        const opening = pair(qos, layer);
        await layer.advance(5);
        const { a, b, client } = await opening;
        const waiting = new Set<Promise<unknown>>();
        const received = { a: [] as number[], b: [] as number[] };
        const sent = { a: 0, b: 0 };
        const track = (call: Promise<unknown>): void => {
          const settled: Promise<unknown> = call.catch(() => undefined).then(() => waiting.delete(settled));
          waiting.add(settled);
        };
        const flows = { a, b };
        const run = async (step: Step): Promise<void> => {
          if (step.op === 'write')
            track(codeOf(flows[step.end].write(numbered(sent[step.end]++, step.bytes))));
          else if (step.op === 'read') track(readInto(flows[step.end], received[step.end]));
          else if (step.op === 'advance') await layer.advance(step.ms);
          else if (step.op === 'dealloc') track(codeOf(flows[step.end].dealloc({ lingerMs: 100 })));
          else if (step.op === 'abort') flows[step.end].abort();
          else if (step.op === 'kill') layer.kill(client);
          else layer.restartIrmd();
        };
        for (const step of steps) await run(step);
        for (const flow of [a, b]) track(codeOf(flow.dealloc({ lingerMs: 100 })));
        await layer.advance(1_000);
        expect(waiting.size).toBe(0);
        expect(layer.counts.flows).toBe(0);
        for (const numbers of Object.values(received)) {
          expect(numbers).toEqual([...new Set(numbers)].sort((x, y) => x - y));
          if (qos === 'data') expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i));
        }
      },
    );
  }
});

async function readInto(flow: Flow, received: number[]): Promise<void> {
  const message = await flow.read().catch(() => null);
  if (message !== null) received.push(message.readUInt32LE());
}

function numbered(n: number, bytes: number): Buffer {
  const message = Buffer.alloc(4 + bytes);
  message.writeUInt32LE(n);
  return message;
}
