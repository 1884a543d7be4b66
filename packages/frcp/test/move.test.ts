import { describe, expect } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import { decodePci, encodePci, FLAG, newPci, SEGMENT_BYTES, PCI_BYTES, type Pci } from '../src/pci.ts';
import { SegmentStore } from '../src/segment-store.ts';
import type { FrcpParams } from '../src/index.ts';
import { message, Pair, type End } from './pair.ts';
import { capture, MS, pciOf, SECOND, write } from './scenario-steps.ts';

/** Moves both ends; from now on a larger PDU fails the test. */
function move(pair: Pair, mtuBytes: number): void {
  for (const end of [pair.a, pair.b]) {
    (end as { params: FrcpParams }).params = { ...end.params, mtuBytes };
    end.conn.moveLower(pair.clockOf(end), { mtuBytes, mplUs: SECOND });
  }
}

function all(pair: Pair, forUs: number): void {
  const done = (): boolean =>
    pair.b.delivered.length === pair.a.written.length && pair.a.conn.unackedSdus === 0;
  pair.run(forUs, done);
  expect([pair.b.delivered.length, pair.a.conn.unackedSdus, pair.a.events]).toEqual([
    pair.a.written.length,
    0,
    [],
  ]);
}

/** A segment of a PDU of our own making. */
function segment(whole: Uint8Array, from: number, to: number, over: Partial<Pci> = {}): Uint8Array {
  const out = new Uint8Array(PCI_BYTES + SEGMENT_BYTES + to - from);
  const flags = FLAG.DATA | FLAG.DRF | FLAG.FIRST | FLAG.LAST;
  encodePci(out, 0, { ...newPci(), flags, seq: 7, pduBytes: whole.length, segmentAt: from, ...over });
  out.set(whole.subarray(from, to), PCI_BYTES + SEGMENT_BYTES);
  return out;
}

function received(end: End): Record<string, unknown> {
  return end.conn.inspect()['receive'] as Record<string, unknown>;
}

//= R-FRCP-70
test('what still comes from the old path says nothing of the round trip of the new one', () => {
  const pair = new Pair({ link: { delayUs: 20 * MS } });
  write(pair, pair.a, 0, 2, 100);
  pair.run(75 * MS);
  for (const end of [pair.a, pair.b]) end.out.delayUs = 700 * MS;
  move(pair, 1_400);
  pair.run(30 * MS);
  expect(pair.a.conn.unackedSdus).toBe(0);
  write(pair, pair.a, 2, 1, 100);
  all(pair, 3 * SECOND);
  expect((pair.a.conn.inspect()['send'] as { rttMinUs: number }).rttMinUs).toBeGreaterThanOrEqual(1_400_000);
});

//= R-FRCP-70
describe('moving to smaller PDUs', () => {
  test('what is in flight and too large arrives in segments', () => {
    const pair = new Pair({ params: { mtuBytes: 1_500 } });
    pair.a.out.down = true;
    write(pair, pair.a, 0, 5, 1_400);
    pair.a.out.down = false;
    const sent = capture(pair, pair.a);
    move(pair, 576);
    all(pair, 2 * SECOND);
    expect(sent.filter((pci) => pci.pduBytes === 1_400).length).toBeGreaterThanOrEqual(15);
    expect(pair.b.conn.stats.segmentsReceived).toBe(15);
  });

  test('the first PDU of a run, never seen, opens it with its segments', () => {
    const pair = new Pair({ params: { mtuBytes: 1_500 } });
    pair.a.out.down = true;
    write(pair, pair.a, 0, 1, 1_400);
    pair.a.out.down = false;
    move(pair, 576);
    all(pair, SECOND);
    expect(pair.b.conn.stats.runsOpened).toBe(1);
  });

  test('segments carry number and flags of their PDU', () => {
    const pair = new Pair({ params: { mtuBytes: 1_500 } });
    pair.a.out.down = true;
    const sent = capture(pair, pair.a);
    write(pair, pair.a, 0, 1, 3_000);
    const first = [...sent];
    pair.a.out.down = false;
    sent.length = 0;
    move(pair, 576);
    all(pair, SECOND);
    for (const pdu of sent.filter((pci) => pci.pduBytes > 0)) {
      const whole = first.find(({ seq }) => seq === pdu.seq)!;
      expect(pdu.flags & ~FLAG.ACK).toBe(whole.flags & ~FLAG.ACK);
      expect(pdu.pduBytes).toBe(whole.dataEnd - whole.dataStart);
    }
  });

  test.each([0, 0.1, 0.3])('1500 to 1280 to 576 and back with data in flight, loss %d', (lossRate) => {
    for (let seed = 1; seed <= 5; seed++) {
      const pair = new Pair({
        seed,
        params: { mtuBytes: 1_500 },
        link: { lossRate, delayUs: 20 * MS, jitterUs: 5 * MS, duplicateRate: lossRate / 2 },
      });
      for (const mtuBytes of [1_280, 576, 1_280, 9_000]) {
        write(pair, pair.a, pair.a.written.length, 20, 1_484);
        write(pair, pair.a, pair.a.written.length, 2, 5_000);
        pair.run(25 * MS);
        move(pair, mtuBytes);
        pair.run(45 * MS);
      }
      all(pair, 60 * SECOND);
    }
  });

  test.each([0, 0.05])('with congestion control and pacing, loss %d', (lossRate) => {
    for (let seed = 1; seed <= 3; seed++) {
      const pair = new Pair({
        seed,
        params: { mtuBytes: 65_536, congestion: 'cubic', windowBytes: 1_048_576 },
        link: { lossRate, delayUs: 20 * MS },
      });
      pair.a.out.down = true;
      write(pair, pair.a, 0, 6, 60_000);
      pair.run(MS);
      pair.a.out.down = false;
      move(pair, 1_400);
      write(pair, pair.a, 6, 2, 60_000);
      pair.run(100 * MS);
      move(pair, 576);
      all(pair, 60 * SECOND);
    }
  });

  test('a PDU half across in segments of one size goes on in segments of another', () => {
    const pair = new Pair({ params: { mtuBytes: 9_000 }, link: { lossRate: 0 } });
    pair.a.out.down = true;
    write(pair, pair.a, 0, 1, 8_900);
    pair.a.out.down = false;
    let n = 0;
    pair.a.out.filter = () => n++ % 3 === 0;
    move(pair, 1_280);
    pair.run(5 * MS);
    pair.a.out.filter = null;
    move(pair, 576);
    pair.run(5 * MS);
    all(pair, SECOND);
  });

  test('large PDUs cross a path of the smallest MTU', () => {
    const pair = new Pair({ seed: 5, params: { mtuBytes: 9_000 } });
    pair.a.out.down = true;
    write(pair, pair.a, 0, 2, 8_900);
    pair.a.out.down = false;
    pair.a.out.lossRate = 0.2;
    move(pair, 44);
    all(pair, 60 * SECOND);
  });

  test('a lost segment costs no PDU that arrived', () => {
    const pair = new Pair({ params: { mtuBytes: 65_536 } });
    pair.a.out.down = true;
    write(pair, pair.a, 0, 1, 60_000);
    pair.a.out.down = false;
    let n = 0;
    pair.a.out.filter = () => ++n !== 40;
    move(pair, 576);
    all(pair, 2 * SECOND);
    expect(pair.b.conn.stats.segmentsReceived).toBe(Math.ceil(60_000 / 544));
  });

  test('progress is made however few segments leave between two timeouts', () => {
    const pair = new Pair({ params: { mtuBytes: 65_536, rUs: 120 * SECOND } });
    pair.a.out.down = true;
    write(pair, pair.a, 0, 1, 60_000);
    move(pair, 576);
    const out = new Uint8Array(600);
    const { a, b } = pair;
    let now = 0;
    for (let n = 0; n < 2_000 && b.conn.readableSdus === 0; n++) {
      now += 300 * MS;
      const bytes = a.conn.pollTransmit(now, out, 0);
      if (bytes > 0) b.conn.handlePdu(now, out.slice(0, bytes), 0, bytes);
      const answer = b.conn.pollTransmit(now, out, 0);
      if (answer > 0) a.conn.handlePdu(now, out.slice(0, answer), 0, answer);
      a.conn.handleTimeout(now);
    }
    expect([...b.conn.read()!]).toEqual([...a.written[0]!]);
    expect(a.conn.stats.segmentsSent).toBe(b.conn.stats.segmentsReceived);
  });

  test.each([64, 256])(
    'an MTU of %d on a path whose queue is shorter than a PDU has segments',
    (mtuBytes) => {
      const pair = new Pair({ params: { mtuBytes: 9_000, rUs: 120 * SECOND }, link: { delayUs: 10 * MS } });
      pair.a.out.down = true;
      write(pair, pair.a, 0, 3, 8_900);
      pair.a.out.down = false;
      let sentAt = -1;
      let queued = 0;
      pair.a.out.filter = () => {
        queued = pair.nowUs === sentAt ? queued + 1 : 1;
        sentAt = pair.nowUs;
        return queued <= 4;
      };
      move(pair, mtuBytes);
      all(pair, 100 * SECOND);
      const needed = 3 * Math.ceil(8_900 / (mtuBytes - 32));
      expect(pair.b.conn.stats.segmentsReceived).toBe(needed);
      expect(pair.a.conn.stats.segmentsSent).toBeLessThan(5 * needed);
    },
  );

  test('the bytes under way are counted to the last', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const pair = new Pair({
        seed,
        params: { mtuBytes: 9_000, congestion: 'cubic' },
        link: { lossRate: 0.2, delayUs: 5 * MS, jitterUs: 5 * MS },
      });
      write(pair, pair.a, 0, 5, 8_900);
      pair.run(3 * MS);
      move(pair, 576);
      pair.run(30 * MS);
      move(pair, 128);
      all(pair, 60 * SECOND);
      expect(pair.a.conn.inspect()).toMatchObject({
        send: { flightBytes: 0, lostPdus: 0, inFlightPieces: null },
      });
    }
  });

  test('a whole copy that comes late on the old path ends the segments', () => {
    const pair = new Pair({ params: { mtuBytes: 1_500 } });
    const copies: Uint8Array[] = [];
    pair.a.out.filter = (pdu) => {
      copies.push(pdu);
      return false;
    };
    write(pair, pair.a, 0, 1, 1_400);
    let n = 0;
    pair.a.out.filter = () => n++ === 0;
    move(pair, 576);
    pair.run(10 * MS);
    expect(received(pair.b)).toMatchObject({ segmented: { pdus: 1 } });
    pair.inject(pair.b, copies[0]!);
    expect(received(pair.b)).toMatchObject({ segmented: null });
    pair.a.out.filter = null;
    all(pair, SECOND);
  });

  test('a stream and a flow with checksums move as well', () => {
    for (const over of [{ stream: true }, { integrity: true }]) {
      const pair = new Pair({
        seed: 2,
        params: { mtuBytes: 1_500, ...over },
        link: { lossRate: 0.1, corruptRate: 'integrity' in over ? 0.1 : 0 },
      });
      write(pair, pair.a, 0, 40, 1_000);
      move(pair, 576);
      write(pair, pair.a, 40, 10, 1_000);
      pair.close(pair.a);
      pair.run(20 * SECOND, () => pair.a.has('closed'));
      expect(pair.b.delivered.reduce((sum, { length }) => sum + length, 0)).toBe(50_000);
    }
  });

  test('a movable flow over a reliable lower flow moves with data under way', () => {
    const pair = new Pair({
      params: { mtuBytes: 65_536, lowerReliable: true, movable: true },
      link: { inOrder: true },
    });
    pair.a.out.down = true;
    write(pair, pair.a, 0, 3, 50_000);
    pair.a.out.down = false;
    move(pair, 1_400);
    all(pair, SECOND);
    expect(pair.a.conn.stats.probesSent).toBe(0);
  });

  test('a close under way is finished after the move', () => {
    const pair = new Pair({ params: { mtuBytes: 1_500 } });
    pair.a.out.down = true;
    write(pair, pair.a, 0, 3, 1_400);
    pair.close(pair.a);
    pair.a.out.down = false;
    move(pair, 576);
    pair.run(2 * SECOND, () => pair.a.has('closed'));
    expect(pair.b.event('end')).toEqual({ type: 'end', clean: true });
    expect(pair.b.delivered.length).toBe(3);
  });

  test('an MTU that carries nothing is refused, and nothing changes', () => {
    const pair = new Pair();
    write(pair, pair.a, 0, 1);
    expect(() => pair.a.conn.moveLower(0, { mtuBytes: 35, mplUs: 1 })).toThrow(RangeError);
    all(pair, SECOND);
  });

  test('no copy of a segmented PDU is begun or continued after R', () => {
    const pair = new Pair({ params: { mtuBytes: 1_500, rUs: 2 * SECOND } });
    pair.a.out.down = true;
    write(pair, pair.a, 0, 1, 1_400);
    move(pair, 576);
    let last = 0;
    pair.trace = (_from, now, pdu) => {
      if ((pciOf(pdu).flags & FLAG.DATA) !== 0) last = now;
    };
    pair.run(20 * SECOND);
    expect(last).toBeGreaterThan(SECOND);
    expect(last).toBeLessThanOrEqual(2 * SECOND);
    expect(pair.a.event('down')).toMatchObject({ reason: 'gave-up', unackedSdus: 1 });
  });
});

//= R-FRCP-71
describe('a segment', () => {
  const whole = message(1, 100);

  test('is decoded as it was encoded', () => {
    const pdu = segment(whole, 16, 56);
    const pci = newPci();
    expect(decodePci(pdu, 0, pdu.length, pci)).toBe(true);
    expect(pci).toMatchObject({ seq: 7, pduBytes: 100, segmentAt: 16 });
    expect([...pdu.subarray(pci.dataStart, pci.dataEnd)]).toEqual([...whole.subarray(16, 56)]);
  });

  test.each([
    ['of nothing', segment(whole, 16, 16)],
    ['beyond its PDU', segment(whole, 40, 80, { pduBytes: 79 })],
    ['at an odd place', segment(whole, 12, 20)],
    ['of odd length before the end', segment(whole, 16, 28)],
    ['at a negative place', segment(whole, 0, 8, { segmentAt: -8 })],
    ['of a PDU of negative size', segment(whole, 0, 8, { pduBytes: 0x7fff_fff8, segmentAt: 0x7fff_fff8 })],
    ['of an end marker', segment(whole, 0, 8, { flags: FLAG.DATA | FLAG.END })],
  ])('%s is malformed', (_name, pdu) => {
    expect(decodePci(pdu, 0, pdu.length, newPci())).toBe(false);
  });

  test('without data, or with ranges, is malformed', () => {
    const bare = new Uint8Array(24);
    encodePci(bare, 0, { ...newPci(), flags: FLAG.RDVS, pduBytes: 8 });
    expect(decodePci(bare, 0, 24, newPci())).toBe(false);
    const both = segment(whole, 0, 8);
    both[0]! |= 1;
    expect(decodePci(both, 0, both.length, newPci())).toBe(false);
  });
});

//= R-FRCP-72
describe('segments received', () => {
  test('of a PDU beyond the window take no memory', () => {
    const pair = new Pair({ params: { windowBytes: 4_096 } });
    pair.inject(pair.b, segment(new Uint8Array(8), 0, 8, { pduBytes: 4_097 }));
    expect(received(pair.b)).toMatchObject({ segmented: null });
    expect(pair.b.conn.stats.outOfWindow).toBe(1);
  });

  test('take their whole PDU of the window together', () => {
    const pair = new Pair({ params: { windowBytes: 4_096 } });
    pair.inject(pair.b, segment(new Uint8Array(8), 0, 8, { pduBytes: 3_000 }));
    pair.inject(pair.b, segment(new Uint8Array(8), 0, 8, { pduBytes: 3_000, seq: 8 }));
    expect(received(pair.b)).toMatchObject({ segmented: { pdus: 1, heldBytes: 3_000 } });
  });

  test('that contradict each other end the flow', () => {
    const pair = new Pair();
    pair.inject(pair.b, segment(new Uint8Array(800), 0, 8));
    pair.inject(pair.b, segment(new Uint8Array(808), 8, 16));
    expect(pair.b.event('down')).toMatchObject({ reason: 'protocol-violation' });
  });

  test('on a flow without retransmission are dropped', () => {
    const pair = new Pair({ params: { reliable: false } });
    pair.inject(pair.b, segment(message(0, 16), 0, 16));
    expect(pair.b.delivered.length).toBe(0);
    expect(pair.b.conn.stats.malformed).toBe(1);
  });

  test('again are answered like copies, and do not keep the run alive', () => {
    const pair = new Pair();
    pair.inject(pair.b, segment(message(0, 800), 0, 8));
    const before = received(pair.b)['runExpiresAt'];
    pair.run(SECOND);
    const { sent } = pair.b;
    pair.inject(pair.b, segment(message(0, 800), 0, 8));
    expect(received(pair.b)['runExpiresAt']).toBe(before);
    expect(pair.b.sent).toBe(sent + 1);
    expect(pair.b.conn.stats.duplicates).toBe(1);
  });

  test('go with the run they belong to', () => {
    const pair = new Pair();
    pair.inject(pair.b, segment(message(0, 800), 0, 8));
    pair.run(200 * SECOND);
    pair.inject(pair.b, segment(message(0, 24), 0, 8, { seq: 0x4000_0000 }));
    expect(received(pair.b)).toMatchObject({ segmented: { pdus: 1, heldBytes: 24 } });
    expect(pair.b.has('down')).toBe(false);
  });

  test.prop([
    fc.integer({ min: 1, max: 700 }),
    fc.array(fc.tuple(fc.nat({ max: 90 }), fc.integer({ min: 1, max: 90 })), { maxLength: 40 }),
  ])('in any order and overlap make the PDU exactly when all of it is there', (size, cuts) => {
    const sdu = message(9, size);
    const store = new SegmentStore();
    const have = new Set<number>();
    for (const [unit, units] of [...cuts, [0, 90] as const]) {
      const from = unit * 8;
      const to = Math.min(size, from + units * 8);
      if (from >= to || have.size === size) continue;
      const news = [...sdu.keys()].some((at) => at >= from && at < to && !have.has(at));
      for (let at = from; at < to; at++) have.add(at);
      const pdu = segment(sdu, from, to);
      const added = store.add(3, pdu, pciOf(pdu));
      expect(added).toBe(!news ? 'known' : have.size === size ? 'whole' : 'new');
    }
    expect(store.heldBytes).toBe(size);
    expect([...store.take(3)!]).toEqual([...sdu]);
    expect([store.heldBytes, store.count]).toEqual([0, 0]);
  });
});
