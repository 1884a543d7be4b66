import { describe, expect, test } from '@jest/globals';
import { FLAG } from '../src/pci.ts';
import { Reassembly } from '../src/reassembly.ts';
import { message, Pair, type End } from './pair.ts';
import { capture, SECOND } from './scenario-steps.ts';

const MIB = 1_048_576;

function heldBytes(end: End): number {
  const receive = end.conn.inspect()['receive'] as { heldBytes: number; earlyBytes: number };
  return receive.heldBytes + receive.earlyBytes;
}

//= R-FRCP-36
describe('SDUs larger than the window', () => {
  test('16 MiB cross a link that loses a tenth both ways, resent by fragment', () => {
    const pair = new Pair({
      seed: 16,
      params: { mtuBytes: 9_000, sduMaxBytes: 16 * MIB, windowBytes: MIB },
      link: { lossRate: 0.1, delayUs: 5_000 },
    });
    pair.write(pair.a, message(1, 16 * MIB));
    pair.run(120 * SECOND, () => pair.b.delivered.length === 1 && pair.a.conn.unackedSdus === 0);
    expect(pair.b.delivered.length).toBe(1);
    const fragments = Math.ceil((16 * MIB) / (9_000 - 16));
    const { pdusSent, retransmits } = pair.a.conn.stats;
    expect(pdusSent - retransmits).toBeLessThan(fragments * 1.1);
    expect(retransmits).toBeLessThan(fragments * 0.5);
  });

  test('an SDU of 64 windows arrives between small ones, in order', () => {
    const pair = new Pair({
      seed: 2,
      params: { windowBytes: 4_096, windowPdus: 8, sduMaxBytes: 262_144, mtuBytes: 600 },
      link: { lossRate: 0.1, jitterUs: 2_000 },
    });
    const sizes = [10, 262_144, 10, 0, 200_000, 1];
    const next = (): void => {
      const n = pair.a.written.length;
      if (n < sizes.length) {
        pair.write(pair.a, message(n, sizes[n]));
        pair.after(10_000, next);
      }
    };
    next();
    pair.run(300 * SECOND, () => pair.b.delivered.length === sizes.length);
    expect(pair.b.delivered.map(({ length }) => length)).toEqual(sizes);
  });

  test('an unread SDU holds one back whose fragments would exceed the window; reading releases it', () => {
    const pair = new Pair({ params: { windowBytes: 8_192, sduMaxBytes: 65_536 } });
    pair.b.reading = false;
    pair.write(pair.a, message(0, 100));
    pair.write(pair.a, message(1, 8_000));
    pair.run(SECOND);
    pair.write(pair.a, message(2, 65_536));
    pair.run(10 * SECOND);
    expect(pair.b.conn.readableSdus).toBe(2);
    expect(heldBytes(pair.b)).toBeLessThanOrEqual(8_192);
    while (pair.read(pair.b) !== null);
    pair.run(10 * SECOND);
    expect(pair.b.conn.readableSdus).toBe(1);
    expect(pair.a.conn.unackedSdus).toBe(0);
  });

  test('the reader of one huge SDU keeps the flow waiting, alive, for as long as it likes', () => {
    const pair = new Pair({ params: { windowBytes: 8_192, sduMaxBytes: 65_536 } });
    pair.b.reading = false;
    pair.write(pair.a, message(0, 65_536));
    pair.run(SECOND);
    expect(pair.write(pair.a, message(1, 65_536))).toBe('queued');
    pair.run(3_600 * SECOND);
    expect(pair.a.events).toEqual([]);
    pair.b.reading = true;
    while (pair.read(pair.b) !== null);
    pair.run(5 * SECOND);
    expect(pair.b.delivered.length).toBe(2);
  });

  test('a lost fragment is sent again alone', () => {
    const pair = new Pair({ params: { sduMaxBytes: MIB, mtuBytes: 1_400 } });
    let n = 0;
    pair.a.out.filter = () => ++n !== 30;
    const sent = capture(pair, pair.a);
    pair.write(pair.a, message(0, 100_000));
    pair.run(5 * SECOND);
    expect(pair.b.delivered.length).toBe(1);
    expect(pair.a.conn.stats.retransmits).toBe(1);
    expect(sent.filter((pci) => (pci.flags & FLAG.LAST) !== 0).length).toBe(1);
  });
});

describe('reassembly', () => {
  test('small SDUs do not keep large buffers', () => {
    const partial = new Reassembly();
    const bytes = message(3, 60);
    partial.append(bytes, 0, 30, 1_000_000);
    partial.append(bytes, 30, 60, 1_000_000);
    const whole = partial.finish();
    expect(whole.buffer.byteLength).toBeLessThan(128);
    expect([...whole.subarray(0, 60)]).toEqual([...bytes]);
  });

  test('an SDU that is handed out is not written again', () => {
    const partial = new Reassembly();
    partial.append(message(1, 100), 0, 100, 1_000_000);
    const first = partial.finish();
    partial.append(message(2, 100), 0, 100, 1_000_000);
    expect([...first.subarray(0, 100)]).toEqual([...message(1, 100)]);
  });

  test('never holds more than the largest SDU', () => {
    const partial = new Reassembly();
    expect(partial.append(new Uint8Array(5_000), 0, 5_000, 6_000)).toBe(true);
    expect(partial.append(new Uint8Array(1_001), 0, 1_001, 6_000)).toBe(false);
    expect(partial.append(new Uint8Array(1_000), 0, 1_000, 6_000)).toBe(true);
    expect(partial.finish().buffer.byteLength).toBeLessThanOrEqual(6_000);
  });
});
