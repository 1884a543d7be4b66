import { beforeEach, describe, expect, test } from '@jest/globals';
import { LIMITS } from '@flowring/common';
import { fc, test as property } from '@fast-check/jest';
import { SendWindow, TELL_BYTES, decodeTaken, encodeTaken } from '../../src/core/udp/send-window.ts';

const BYTES = 1_000;

/** A sender whose numbers begin anywhere. */
class Sender {
  readonly window = new SendWindow();
  number: number;

  constructor(first: number) {
    this.number = first;
  }

  /** How many packets it sends until its window is shut. */
  fill(): number {
    let count = 0;
    for (; this.window.isOpen; count += 1) this.window.sent((this.number = (this.number + 1) >>> 0), BYTES);
    return count;
  }
}

//= R-UDP-30
describe.each([0, 0xffff_ff00, 0x7fff_ff00])('a window of a flow whose numbers follow %d', (first) => {
  let sender: Sender;
  beforeEach(() => {
    sender = new Sender(first);
  });

  test('is shut with a window under way, as far as marks can tell', () => {
    const bytes = sender.fill() * BYTES;
    expect(bytes).toBeGreaterThanOrEqual(LIMITS.pathWindowBytes);
    expect(bytes).toBeLessThan(LIMITS.pathWindowBytes + TELL_BYTES + BYTES);
  });

  test('opens once half of it is taken, and takes in so much more', () => {
    const all = sender.fill();
    expect(sender.window.taken((first + all / 4) >>> 0)).toBe(false);
    expect(sender.window.isOpen).toBe(false);
    expect(sender.window.taken((first + (all * 3) / 4) >>> 0)).toBe(true);
    expect(sender.fill()).toBeGreaterThan(all / 2);
  });

  test('believes no number that was not sent, and none twice', () => {
    const all = sender.fill();
    expect(sender.window.taken((sender.number + 1) >>> 0)).toBe(false);
    expect(sender.window.taken((sender.number + 0x7fff_ffff) >>> 0)).toBe(false);
    expect(sender.window.taken((first + (all * 3) / 4) >>> 0)).toBe(true);
    sender.fill();
    expect(sender.window.taken((first + (all * 3) / 4) >>> 0)).toBe(false);
  });

  //= R-UDP-32
  test('opens for a whole window when what is under way is given up', () => {
    sender.fill();
    sender.window.giveUp();
    expect(sender.fill() * BYTES).toBeGreaterThanOrEqual(LIMITS.pathWindowBytes);
  });

  test('stays open for ever while the receiver tells what it has taken', () => {
    let shut = 0;
    for (let untold = 0, i = 0; i < 50_000; i += 1) {
      if (!sender.window.isOpen) shut += 1;
      sender.window.sent((sender.number = (sender.number + 1) >>> 0), BYTES);
      if ((untold += BYTES) < TELL_BYTES) continue;
      sender.window.taken(sender.number);
      untold = 0;
    }
    expect(shut).toBe(0);
  });
});

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

//= R-UDP-31
property.prop([u32, u32])('what a receiver tells survives encoding', (eid, number) => {
  expect(decodeTaken(encodeTaken(eid, number))).toEqual({ eid, number });
});

property.prop([fc.uint8Array({ maxLength: 20 }).filter((bytes) => bytes.length !== 8)])(
  'what has another length tells nothing',
  (bytes) => {
    expect(decodeTaken(bytes)).toBeNull();
  },
);
