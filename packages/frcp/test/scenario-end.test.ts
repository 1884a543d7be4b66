import { describe, expect, test } from '@jest/globals';
import { FLAG } from '../src/pci.ts';
import { message, Pair } from './pair.ts';
import { capture, MS, SECOND, MINUTE, pciOf, write, arrives } from './scenario-steps.ts';

describe('end', () => {
  test('no failure before G, and one soon after', () => {
    const pair = new Pair();
    pair.a.out.down = true;
    write(pair, pair.a, 0, 3);
    pair.run(32_049 * MS);
    expect(pair.a.has('down')).toBe(false);
    pair.run(2 * SECOND);
    expect(pair.a.event('down')).toEqual({ type: 'down', reason: 'gave-up', unackedSdus: 3 });
    expect(pair.write(pair.a, message(9))).toBe('closed');
  });

  test('no copy leaves after R', () => {
    const pair = new Pair();
    pair.a.out.down = true;
    let last = 0;
    pair.trace = (from, now, pdu) => {
      if (from === 'a' && (pciOf(pdu).flags & FLAG.DATA) !== 0) last = now;
    };
    write(pair, pair.a, 0, 3);
    pair.run(MINUTE);
    expect(last).toBeGreaterThan(28 * SECOND);
    expect(last).toBeLessThanOrEqual(30 * SECOND);
  });

  test('both ends closing at once with full windows both finish', () => {
    const pair = new Pair({ params: { windowPdus: 8 } });
    pair.a.reading = pair.b.reading = false;
    write(pair, pair.a, 0, 8);
    write(pair, pair.b, 100, 8);
    pair.run(SECOND);
    write(pair, pair.a, 8, 4);
    write(pair, pair.b, 108, 4);
    pair.close(pair.a);
    pair.close(pair.b);
    expect(pair.run(10 * SECOND, () => pair.a.has('closed') && pair.b.has('closed'))).toBe(true);
  });

  test('a lost end marker is sent again', () => {
    const pair = new Pair();
    write(pair, pair.a, 0, 1);
    pair.run(SECOND);
    let lost = 0;
    pair.a.out.filter = (pdu) => (pciOf(pdu).flags & FLAG.END) === 0 || ++lost > 2;
    pair.close(pair.a);
    expect(pair.run(10 * SECOND, () => pair.b.has('end') && pair.a.has('closed'))).toBe(true);
  });

  test('the end comes after everything before it, even out of order', () => {
    const pair = new Pair({ link: { jitterUs: 20 * MS } });
    write(pair, pair.a, 0, 50);
    pair.close(pair.a);
    expect(pair.run(SECOND, () => pair.b.has('end'))).toBe(true);
    expect(pair.b.delivered.length + pair.b.conn.readableSdus).toBe(50);
  });

  test('the end passes a window that a paused reader keeps closed', () => {
    const pair = new Pair({ params: { windowPdus: 4 } });
    pair.b.reading = false;
    write(pair, pair.a, 0, 4);
    pair.run(SECOND);
    pair.close(pair.a);
    expect(pair.run(SECOND, () => pair.a.has('closed') && pair.b.has('end'))).toBe(true);
    expect(pair.b.conn.readableSdus).toBe(4);
  });

  for (const size of [1_200, 1_384]) {
    test(`an SDU of ${size} bytes over the agreed size ends the flow as a violation`, () => {
      const pair = new Pair({ paramsOf: { a: { mtuBytes: 1_400 }, b: { sduMaxBytes: 1_000 } } });
      expect(pair.write(pair.a, message(0, size))).toBe('queued');
      pair.run(SECOND);
      expect(pair.b.event('down')).toEqual({ type: 'down', reason: 'protocol-violation', unackedSdus: 0 });
      expect(pair.a.event('down')?.reason).toBe('reset');
    });
  }

  test('fragments over the agreed size end the flow as a violation', () => {
    const pair = new Pair({ params: { mtuBytes: 200 }, paramsOf: { b: { sduMaxBytes: 1_000 } } });
    write(pair, pair.a, 0, 1, 1_001);
    pair.run(SECOND);
    expect(pair.b.event('down')?.reason).toBe('protocol-violation');
  });

  test('on a reliable lower flow a closed end still answers a peer that speaks minutes later', () => {
    const pair = new Pair({ params: { lowerReliable: true }, link: { inOrder: true } });
    pair.close(pair.a);
    pair.run(5 * MINUTE);
    write(pair, pair.b, 0, 2);
    pair.close(pair.b);
    const isOver = (): boolean => pair.b.has('closed') && pair.a.has('drained') && pair.b.has('drained');
    expect(pair.run(SECOND, isOver)).toBe(true);
  });

  test('a violation after our close has finished tells the peer only', () => {
    const pair = new Pair({ params: { mtuBytes: 200 }, paramsOf: { b: { sduMaxBytes: 1_000 } } });
    pair.close(pair.b);
    pair.run(SECOND);
    expect(pair.b.has('closed')).toBe(true);
    write(pair, pair.a, 0, 1, 1_001);
    pair.run(SECOND);
    expect(pair.b.has('down')).toBe(false);
    expect(pair.a.event('down')?.reason).toBe('reset');
  });

  test('a flow nobody wrote on closes too', () => {
    const pair = new Pair();
    pair.close(pair.b);
    expect(pair.run(SECOND, () => pair.a.has('end') && pair.b.has('closed'))).toBe(true);
  });

  test('an abort is heard at once and what was accepted stays readable', () => {
    const pair = new Pair();
    pair.b.reading = false;
    write(pair, pair.a, 0, 3);
    pair.run(SECOND);
    pair.abort(pair.a);
    pair.run(10 * MS);
    expect(pair.b.event('down')).toEqual({ type: 'down', reason: 'reset', unackedSdus: 0 });
    expect(pair.b.conn.readableSdus).toBe(3);
    expect(pair.run(MINUTE, () => pair.a.has('drained') && pair.b.has('drained'))).toBe(true);
  });

  test('a reset with foreign numbers is ignored', () => {
    const pair = new Pair();
    write(pair, pair.a, 0, 3);
    write(pair, pair.b, 0, 3);
    pair.run(SECOND);
    const forged = new Uint8Array(16);
    forged.set([0x10, FLAG.RESET]);
    pair.inject(pair.b, forged);
    expect(pair.b.has('down')).toBe(false);
  });

  test('data beyond the window edge is dropped', () => {
    const pair = new Pair({ paramsOf: { a: { windowPdus: 64 }, b: { windowPdus: 8 } } });
    pair.b.reading = false;
    write(pair, pair.a, 0, 64);
    pair.run(SECOND);
    expect(pair.b.conn.readableSdus).toBe(8);
    expect(pair.b.conn.stats.outOfWindow).toBeGreaterThan(0);
  });
});

describe('an ordered flow without retransmission', () => {
  test('never waits for what is lost', () => {
    const pair = new Pair({ params: { reliable: false }, link: { lossRate: 0.3 } });
    for (let n = 0; n < 1_000; n++) {
      write(pair, pair.a, n, 1);
      pair.run(MS);
    }
    pair.run(10 * MS);
    expect(pair.b.delivered.length).toBeGreaterThan(600);
    expect(pair.b.delivered.length).toBeLessThan(800);
    expect(pair.a.conn.unackedSdus).toBe(0);
  });

  test('drops what comes late', () => {
    const pair = new Pair({ params: { reliable: false }, link: { jitterUs: 5 * MS } });
    for (let n = 0; n < 200; n++) {
      write(pair, pair.a, n, 1);
      pair.run(MS);
    }
    expect(pair.b.conn.stats.late).toBeGreaterThan(0);
  });

  //= R-FRCP-61
  test("acknowledges the peer's end although it closes in the same turn", () => {
    const pair = new Pair({ params: { reliable: false } });
    write(pair, pair.a, 0, 1);
    pair.run(SECOND);
    const ends: Uint8Array[] = [];
    pair.a.out.filter = (pdu) => ends.push(pdu) === 0;
    pair.close(pair.a);
    const sent = capture(pair, pair.b);
    pair.b.conn.handlePdu(pair.clockOf(pair.b), ends[0]!, 0, ends[0]!.length);
    pair.close(pair.b);
    expect(sent.some(({ flags }) => (flags & FLAG.ACK) !== 0)).toBe(true);
  });

  test('drops an SDU with a lost fragment whole', () => {
    const pair = new Pair({ params: { reliable: false, mtuBytes: 100 }, link: { lossRate: 0.05 } });
    for (let n = 0; n < 200; n++) {
      write(pair, pair.a, n, 1, 500);
      pair.run(MS);
    }
    expect(pair.b.delivered.length).toBeGreaterThan(50);
    expect(pair.b.delivered.length).toBeLessThan(200);
  });
});

describe('a flow on a reliable lower flow', () => {
  test('sends nothing twice however long the peer sleeps', () => {
    const pair = new Pair({ params: { lowerReliable: true }, link: { delayUs: 0, inOrder: true } });
    write(pair, pair.a, 0, 1);
    pair.run(10 * MS);
    pair.a.out.delayUs = 10 * MINUTE;
    write(pair, pair.a, 1, 5);
    pair.run(11 * MINUTE);
    expect(pair.b.delivered.length).toBe(6);
    expect(pair.a.conn.stats.retransmits).toBe(0);
    expect(pair.a.has('down')).toBe(false);
  });
});

describe('a move to another lower flow', () => {
  test('loses nothing and delivers nothing twice', () => {
    const pair = new Pair({ params: { lowerReliable: true, movable: true }, link: { inOrder: true } });
    write(pair, pair.a, 0, 10);
    pair.run(SECOND);
    pair.a.out.down = pair.b.out.down = true;
    write(pair, pair.a, 10, 10);
    pair.run(5 * SECOND);
    pair.a.out.down = pair.b.out.down = false;
    for (const end of [pair.a, pair.b]) {
      end.conn.moveLower(pair.clockOf(end), { mtuBytes: 1_400, mplUs: 5 * SECOND });
      pair.flush(end);
    }
    arrives(pair, pair.b, 20, SECOND);
    expect(pair.run(SECOND, () => pair.a.conn.unackedSdus === 0)).toBe(true);
  });

  test('cuts what was not sent yet for the smaller MTU', () => {
    const pair = new Pair({ params: { windowBytes: 4_096 } });
    pair.b.reading = false;
    write(pair, pair.a, 0, 3, 1_300);
    pair.run(SECOND);
    write(pair, pair.a, 3, 2, 1_300);
    pair.a.conn.moveLower(pair.clockOf(pair.a), { mtuBytes: 300, mplUs: SECOND });
    const sizes: number[] = [];
    pair.trace = (from, _now, pdu) => from === 'a' && sizes.push(pdu.length);
    pair.b.reading = true;
    while (pair.read(pair.b) !== null);
    arrives(pair, pair.b, 5, 5 * SECOND);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(300);
  });
});
