import { describe, expect, test } from '@jest/globals';
import { FrcpConnection, resolveParams } from '../src/index.ts';
import { decodePci, FLAG, newPci, writeI32, type Pci } from '../src/pci.ts';
import { message, Pair, type End } from './pair.ts';

const MS = 1_000;
const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
/** R of the C prototype, where a scenario compares with it. */
const R120 = { rUs: 120 * SECOND };

function pciOf(pdu: Uint8Array): Pci {
  const pci = newPci();
  expect(decodePci(pdu, 0, pdu.length, pci)).toBe(true);
  return pci;
}

function write(pair: Pair, end: End, from: number, count: number, bytes = 16): void {
  for (let n = 0; n < count; n++) expect(pair.write(end, message(from + n, bytes))).toBe('queued');
}

function arrives(pair: Pair, end: End, count: number, forUs: number): void {
  pair.run(forUs, () => end.delivered.length >= count);
  expect(end.delivered.length).toBe(count);
}

function sendOf(end: End): Record<string, number> {
  return end.conn.inspect()['send'] as Record<string, number>;
}

/** Everything `end` sends from now on. */
function capture(pair: Pair, end: End): Pci[] {
  const seen: Pci[] = [];
  pair.trace = (from, _now, pdu) => {
    if (from === end.side) seen.push(pciOf(pdu));
  };
  return seen;
}

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

  test('a PDU sent twice gives no round-trip sample', () => {
    const pair = new Pair({ link: { delayUs: 400 * MS } });
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
    expect(conn.pollTransmit(0, out, 0)).toBe(32);
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
    const pair = new Pair({ params: { lowerReliable: true }, link: { inOrder: true } });
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
