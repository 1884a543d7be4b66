import { expect, test } from '@jest/globals';
import v8 from 'node:v8';
import vm from 'node:vm';
import type { FaTableSizes } from '../../packages/ipcpd/src/core/allocator.ts';
import { FaCrowd } from './fa-crowd.ts';

const FLOWS = 100_000;
const STATE_MAX_BYTES = 300;

function heapBytes(): number {
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}

function sizesOf(crowd: FaCrowd, end: 'a' | 'b'): FaTableSizes {
  return crowd.allocators[end]!.inspect();
}

/** Bytes a flow costs at one end: what is free again without it. */
async function costOf(crowd: FaCrowd, end: 'a' | 'b'): Promise<number> {
  const before = heapBytes();
  crowd.allocators[end] = null;
  // A frame that has used it may hold it until it returns.
  await Promise.resolve();
  return (before - heapBytes()) / FLOWS;
}

test('100,000 flows between two IPCPs, asked for at once and on a path that loses, take at most 300 bytes each', async () => {
  const crowd = new FaCrowd({ seed: 1, flows: FLOWS, perSecond: 10_000, delayUs: 5_000, loss: 10 });
  crowd.run();
  expect({ ...crowd.refused, ended: crowd.ended }).toEqual({ ended: 0 });
  expect([crowd.allocated, crowd.accepted]).toEqual([FLOWS, FLOWS]);
  for (const end of ['a', 'b'] as const) {
    expect(sizesOf(crowd, end)).toMatchObject({ flows: FLOWS, eids: FLOWS, answers: 0 });
    const bytes = await costOf(crowd, end);
    console.log(`${end}: ${bytes.toFixed(0)} bytes a flow`);
    expect(bytes).toBeGreaterThan(50);
    expect(bytes).toBeLessThanOrEqual(STATE_MAX_BYTES);
  }
});
