import { describe, expect, test } from '@jest/globals';
import { FLAG, writeI32 } from '../src/pci.ts';
import { message, Pair } from './pair.ts';
import { MS, SECOND, MINUTE, R120, write, arrives, sendOf, capture } from './scenario-steps.ts';

describe('what the C prototype fails at', () => {
  for (const thinkMs of [0, 2, 12, 50, 100, 1_000, 60_000, 600_000]) {
    test(`C1, C2: a reply after ${thinkMs} ms arrives though bare acknowledgements came before it`, () => {
      const pair = new Pair();
      write(pair, pair.a, 0, 1);
      pair.run(thinkMs * MS + 5 * MS);
      expect(pair.b.delivered.length).toBe(1);
      write(pair, pair.b, 1, 1);
      arrives(pair, pair.a, 1, 100 * MS);
    });
  }

  test('C3: a sender idle for three sender timers while the reverse streams is heard at once', () => {
    const pair = new Pair();
    write(pair, pair.a, 0, 1);
    for (let n = 0; n < 300; n++) {
      pair.run(SECOND);
      write(pair, pair.b, n, 1);
    }
    write(pair, pair.a, 1, 1);
    arrives(pair, pair.b, 2, 100 * MS);
    expect(pair.a.conn.stats.runsStarted).toBe(2);
    expect(pair.b.conn.stats.runsStarted).toBe(1);
  });

  test('C4: a reader that pauses ten minutes keeps the flow, holds one window and goes on within a second', () => {
    const pair = new Pair();
    pair.b.reading = false;
    let n = 0;
    const feed = (): void => {
      while (pair.write(pair.a, message(n, 1_000)) === 'queued') n++;
      if (pair.nowUs < 11 * MINUTE) pair.after(SECOND, feed);
    };
    feed();
    pair.run(10 * MINUTE);
    expect(pair.a.events.filter((event) => event.type === 'down')).toEqual([]);
    expect(pair.b.conn.readableSdus).toBe(262);
    const before = n;
    pair.b.reading = true;
    while (pair.read(pair.b) !== null);
    pair.run(SECOND, () => pair.b.delivered.length > 262);
    expect(pair.b.delivered.length).toBeGreaterThan(262);
    expect(before).toBeGreaterThan(262);
  });

  for (const outage of [1, 20, 35, 50, 90]) {
    test(`C5: an outage of ${outage} s within R heals in two seconds`, () => {
      const pair = new Pair({ params: R120 });
      write(pair, pair.a, 0, 1);
      pair.run(SECOND);
      pair.a.out.down = pair.b.out.down = true;
      write(pair, pair.a, 1, 20);
      pair.run(outage * SECOND);
      pair.a.out.down = pair.b.out.down = false;
      arrives(pair, pair.b, 21, 2 * SECOND);
    });
  }

  test('C7: when the last acknowledgement is lost the remnant answers the copy', () => {
    const pair = new Pair();
    write(pair, pair.a, 0, 1);
    pair.run(SECOND);
    pair.close(pair.a);
    pair.b.out.down = true;
    pair.run(5 * MS);
    pair.close(pair.b);
    pair.b.out.down = false;
    const start = pair.nowUs;
    expect(pair.run(MINUTE, () => pair.a.has('closed') && pair.b.has('closed'))).toBe(true);
    expect(pair.nowUs - start).toBeLessThan(2 * SECOND);
  });

  test('C7: a marker nobody answers does not turn a complete flow into a failure', () => {
    const pair = new Pair();
    write(pair, pair.a, 0, 1);
    pair.run(SECOND);
    pair.a.out.down = true;
    pair.close(pair.a);
    pair.run(10 * MINUTE);
    expect(pair.a.has('closed')).toBe(true);
    expect(pair.a.has('down')).toBe(false);
  });

  test('C8: an acknowledgement of what was not sent is ignored', () => {
    const pair = new Pair();
    pair.a.out.down = true;
    const seen = capture(pair, pair.a);
    write(pair, pair.a, 0, 1);
    const forged = new Uint8Array(12);
    forged.set([0x10, FLAG.ACK, 0xff, 0xff]);
    writeI32(forged, 4, seen[0]!.seq + 2);
    writeI32(forged, 8, seen[0]!.seq + 100);
    pair.inject(pair.a, forged);
    expect(pair.a.conn.unackedSdus).toBe(1);
    expect(pair.a.conn.stats.badAcks).toBe(1);
    pair.a.out.down = false;
    arrives(pair, pair.b, 1, 2 * SECOND);
  });

  test('C10: a late copy with an old window does not move the edge back', () => {
    const pair = new Pair();
    const acks: Uint8Array[] = [];
    pair.b.out.filter = (pdu) => acks.push(pdu.slice()) > 0;
    for (let n = 0; n < 5; n++) {
      write(pair, pair.a, n * 40, 40);
      pair.run(100 * MS);
    }
    const { windowPdus, windowBytes } = sendOf(pair.a);
    for (const ack of acks) pair.inject(pair.a, ack);
    expect(sendOf(pair.a)).toMatchObject({ windowPdus, windowBytes });
  });

  test('C10: an older window with the same acknowledgement does not move the edge back', () => {
    const pair = new Pair({ params: { windowPdus: 64 } });
    const acks: Uint8Array[] = [];
    pair.b.out.filter = (pdu) => acks.push(pdu.slice()) > 0;
    pair.b.reading = false;
    write(pair, pair.a, 0, 64, 1_000);
    pair.run(SECOND);
    pair.b.reading = true;
    while (pair.read(pair.b) !== null);
    pair.run(SECOND);
    const { windowPdus, windowBytes } = sendOf(pair.a);
    expect(windowPdus).toBeGreaterThan(0);
    for (const ack of acks.reverse()) pair.inject(pair.a, ack);
    expect(sendOf(pair.a)).toMatchObject({ windowPdus, windowBytes });
  });

  for (const rate of [0.98, 0.9995, 1, 1.0005, 1.02]) {
    test(`C11: talk at every distance around the timers is delivered with a clock at ${rate}`, () => {
      for (const idleMs of [62_099, 62_100, 62_150, 93_000, 93_150, 94_000, 96_267, 96_268, 96_300, 99_000]) {
        const pair = new Pair({ rate: { b: rate }, link: { delayUs: 10, jitterUs: 900 * MS } });
        write(pair, pair.a, 0, 1);
        pair.run(idleMs * MS);
        write(pair, pair.a, 1, 1);
        arrives(pair, pair.b, 2, 2 * SECOND);
      }
    });
  }
});

describe('runs', () => {
  test('only data that opens a run is delivered without one', () => {
    const pair = new Pair();
    let first = true;
    pair.a.out.filter = () => !first || (first = false);
    write(pair, pair.a, 0, 3);
    pair.run(50 * MS);
    expect(pair.b.conn.readableSdus + pair.b.delivered.length).toBe(0);
    expect(pair.b.conn.stats.noRun).toBe(2);
    arrives(pair, pair.b, 3, SECOND);
  });

  test('control does not open a run', () => {
    const pair = new Pair();
    for (const flags of [FLAG.ACK, FLAG.RDVS, FLAG.RDVS | FLAG.DRF, FLAG.RDVS | FLAG.ACK]) {
      const pdu = new Uint8Array((flags & FLAG.RDVS) !== 0 ? 16 : 12);
      pdu.set([0x10, flags]);
      pair.inject(pair.b, pdu);
    }
    expect(pair.b.conn.inspect()['receive']).toBeNull();
    write(pair, pair.a, 0, 1);
    arrives(pair, pair.b, 1, 100 * MS);
  });

  test('the receiver timer is moved by accepted data only', () => {
    const pair = new Pair();
    const data: Uint8Array[] = [];
    pair.a.out.filter = (pdu) => data.push(pdu.slice()) > 0;
    write(pair, pair.a, 0, 1);
    pair.run(SECOND);
    const receive = (): unknown =>
      (pair.b.conn.inspect()['receive'] as Record<string, number>)['runExpiresAt'];
    const before = receive();
    const control = new Uint8Array(16);
    control.set([0x10, FLAG.RDVS | FLAG.DRF]);
    for (let n = 0; n < 10; n++) {
      pair.run(SECOND);
      pair.inject(pair.b, data[0]!);
      pair.inject(pair.b, control);
      pair.inject(pair.b, new Uint8Array([0x10, FLAG.ACK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    }
    expect(pair.b.delivered.length).toBe(1);
    expect(receive()).toBe(before);
  });

  test('a copy of a run that is over is not delivered again', () => {
    const pair = new Pair();
    const data: Uint8Array[] = [];
    pair.a.out.filter = (pdu) => data.push(pdu.slice()) > 0;
    write(pair, pair.a, 0, 1);
    pair.run(200 * SECOND);
    pair.inject(pair.b, data[0]!);
    expect(pair.b.delivered.length).toBe(1);
  });

  test('a new run keeps away from the numbers of the last', () => {
    const pair = new Pair({ firstSeq: { a: 1_000 }, params: { randomU32: () => 1_005 } });
    const seen = capture(pair, pair.a);
    write(pair, pair.a, 0, 5);
    pair.run(200 * SECOND);
    write(pair, pair.a, 5, 1);
    expect(Math.abs((seen.at(-1)!.seq - 1_010) | 0)).toBeGreaterThan(1 << 23);
    arrives(pair, pair.b, 6, SECOND);
  });

  test('numbers wrap around', () => {
    for (const edge of [0, 0x8000_0000]) {
      for (let k = 0; k <= 64; k++) {
        const pair = new Pair({ seed: k + 1, firstSeq: { a: (edge - k) >>> 0 }, link: { lossRate: 0.1 } });
        write(pair, pair.a, 0, 100);
        arrives(pair, pair.b, 100, MINUTE);
      }
    }
  });
});
