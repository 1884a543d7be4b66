import { describe, expect, test } from '@jest/globals';
import { fc, test as property } from '@fast-check/jest';
import { forward } from '../src/adapters/forward.ts';
import { HeldMessages } from '../src/adapters/held-messages.ts';
import { RelayLane } from '../src/adapters/relay-lane.ts';

/** As in a slab, behind other bytes. */
function hold(held: HeldMessages, message: Buffer): void {
  forward(held, Buffer.concat([Buffer.alloc(3), message]), 3, 3 + message.length);
}

function take(held: HeldMessages): Buffer {
  const message = Buffer.from(held.bytes.subarray(held.start, held.end));
  held.shift();
  return message;
}

const sizes = fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 3_000 }), fc.nat({ max: 200_000 }));
const steps = fc.array(fc.record({ bytes: sizes, taken: fc.nat({ max: 3 }) }), { maxLength: 60 });

property.prop([steps], { numRuns: 50 })('held messages come out as they went in, in order', (plan) => {
  const held = new HeldMessages();
  const model: Buffer[] = [];
  for (const [i, { bytes, taken }] of plan.entries()) {
    const message = Buffer.alloc(bytes, i + 1);
    hold(held, message);
    model.push(message);
    for (let n = 0; n < taken && model.length > 0; n += 1) {
      expect(take(held).equals(model.shift()!)).toBe(true);
    }
    expect(held.length).toBe(model.length);
  }
  while (model.length > 0) expect(take(held).equals(model.shift()!)).toBe(true);
  expect(held.capacityBytes).toBe(0);
});

describe('memory of held messages', () => {
  test('is not much more than they are, however long some of them wait', () => {
    const held = new HeldMessages();
    for (let i = 0; i < 100; i += 1) hold(held, Buffer.alloc(1_200));
    for (let i = 0; i < 10_000; i += 1) {
      hold(held, Buffer.alloc(1_200));
      held.shift();
      expect(held.capacityBytes).toBeLessThan(400_000);
    }
  });

  test('is little for few and small ones', () => {
    const held = new HeldMessages();
    hold(held, Buffer.from('small'));
    expect(held.capacityBytes).toBe(1_024);
  });
});

test('a lane gives on what waited, empty messages too, and returns the credit of each', () => {
  const lane = new RelayLane();
  const consumed: number[] = [];
  const delivered: string[] = [];
  lane.setSource({ consumed: (bytes) => void consumed.push(bytes) });
  const texts = ['one', '', 'three', ''];
  for (const text of texts) lane.push(Buffer.from(text), 0, text.length);
  expect([lane.waitingMessages, consumed]).toEqual([4, []]);
  let ended = -1;
  lane.setSink({
    trySend: (message) => (delivered.push(Buffer.from(message).toString()), 'sent'),
    trySendWith: (maxBytes, fill) => {
      const target = new Uint8Array(maxBytes);
      fill(target, 0);
      delivered.push(Buffer.from(target).toString());
      return 'sent';
    },
    end: (errno) => void (ended = errno),
  });
  lane.finish(7);
  expect([delivered, consumed, ended]).toEqual([texts, [3, 0, 5, 0], 7]);
});
