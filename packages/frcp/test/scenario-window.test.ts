import { describe, expect, test } from '@jest/globals';
import { FrcpConnection, resolveParams } from '../src/index.ts';
import { FLAG } from '../src/pci.ts';
import { message, Pair } from './pair.ts';
import { MS, SECOND, MINUTE, write, arrives, sendOf, capture } from './scenario-steps.ts';

describe('acknowledgement and window', () => {
  test('received data is acknowledged within A', () => {
    const pair = new Pair({ link: { delayUs: 0 } });
    write(pair, pair.a, 0, 1);
    pair.run(49 * MS);
    expect(pair.a.conn.unackedSdus).toBe(1);
    pair.run(2 * MS);
    expect(pair.a.conn.unackedSdus).toBe(0);
  });

  test('a storm of copies costs one acknowledgement in A', () => {
    const pair = new Pair();
    const data: Uint8Array[] = [];
    pair.a.out.filter = (pdu) => data.push(pdu.slice()) > 0;
    write(pair, pair.a, 0, 1);
    pair.run(200 * MS);
    const before = pair.b.conn.stats.acksSent;
    for (let n = 0; n < 1_000; n++) {
      pair.inject(pair.b, data[0]!);
      pair.run(100);
    }
    expect(pair.b.conn.stats.acksSent - before).toBeLessThanOrEqual(4);
    expect(pair.b.conn.stats.acksSent - before).toBeGreaterThanOrEqual(1);
    expect(pair.b.conn.stats.duplicates).toBe(1_000);
  });

  test('a gap is acknowledged at once, and one lost PDU costs one copy', () => {
    const pair = new Pair();
    write(pair, pair.a, 0, 10);
    pair.run(SECOND);
    let count = 0;
    pair.a.out.filter = () => ++count !== 3;
    write(pair, pair.a, 10, 10);
    const start = pair.nowUs;
    arrives(pair, pair.b, 20, SECOND);
    expect(pair.nowUs - start).toBeLessThan(10 * MS);
    expect(pair.a.conn.stats.retransmits).toBe(1);
  });

  test('a lost window update is asked for again', () => {
    const pair = new Pair({ params: { windowPdus: 4 } });
    pair.b.reading = false;
    write(pair, pair.a, 0, 4);
    pair.run(SECOND);
    write(pair, pair.a, 4, 1);
    pair.run(SECOND);
    expect(pair.b.conn.readableSdus).toBe(4);
    pair.b.out.down = true;
    pair.b.reading = true;
    while (pair.read(pair.b) !== null);
    pair.run(3 * SECOND);
    pair.b.out.down = false;
    arrives(pair, pair.b, 5, 2 * SECOND);
  });

  test('a window update lost after both ends forgot the run is asked for again', () => {
    const pair = new Pair({ params: { windowPdus: 4 } });
    pair.b.reading = false;
    write(pair, pair.a, 0, 4);
    pair.run(10 * MINUTE);
    write(pair, pair.a, 4, 3);
    pair.b.out.down = true;
    pair.b.reading = true;
    while (pair.read(pair.b) !== null);
    pair.run(SECOND);
    pair.b.out.down = false;
    arrives(pair, pair.b, 7, 3 * SECOND);
    expect(pair.a.conn.stats.runsStarted).toBe(2);
  });

  test('an SDU larger than the window passes', () => {
    const pair = new Pair({ params: { windowBytes: 4_096, windowPdus: 4, mtuBytes: 200 } });
    write(pair, pair.a, 0, 1, 100_000);
    arrives(pair, pair.b, 1, MINUTE);
  });

  test('a PDU sent twice gives a round-trip sample by its time', () => {
    const pair = new Pair({ link: { delayUs: 400 * MS } });
    write(pair, pair.a, 0, 1);
    pair.run(5 * SECOND);
    expect(pair.a.conn.stats.retransmits).toBeGreaterThan(0);
    expect(sendOf(pair.a)['rttMinUs']).toBeGreaterThan(799 * MS);
  });

  test('a PDU sent twice without times gives no round-trip sample', () => {
    const pair = new Pair({ params: { timestamps: false }, link: { delayUs: 400 * MS } });
    write(pair, pair.a, 0, 1);
    pair.run(5 * SECOND);
    expect(pair.a.conn.stats.retransmits).toBeGreaterThan(0);
    expect(pair.a.conn.unackedSdus).toBe(0);
    expect(sendOf(pair.a)['srttUs']).toBeNaN();
  });

  test('a copy that could not leave within R does not leave later', () => {
    const conn = new FrcpConnection(resolveParams({ randomU32: () => 1 }), 0);
    const out = new Uint8Array(1_400);
    conn.write(0, message(0));
    expect(conn.pollTransmit(0, out, 0)).toBe(40);
    conn.handleTimeout(29 * SECOND);
    expect(conn.pollTransmit(31 * SECOND, out, 0)).toBe(0);
  });

  test('a copy carries the acknowledgement of now', () => {
    const pair = new Pair();
    write(pair, pair.b, 0, 1);
    pair.run(SECOND);
    pair.a.out.down = true;
    const seen = capture(pair, pair.a);
    write(pair, pair.a, 0, 1);
    write(pair, pair.b, 1, 1);
    pair.run(SECOND);
    const data = seen.filter((pci) => (pci.flags & FLAG.DATA) !== 0);
    expect((data[1]!.ack - data[0]!.ack) | 0).toBe(1);
  });
});
