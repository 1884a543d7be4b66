import { describe, expect, test } from '@jest/globals';
import type { FrcpParams } from '../src/index.ts';
import { Pair, type End } from './pair.ts';
import { capture, MS, pciOf, SECOND, sendOf, write } from './scenario-steps.ts';

const CUBIC = { congestion: 'cubic', windowBytes: 1 << 20, mtuBytes: 1_200 } as const;

/** From now on a larger PDU of this end fails the test. */
function changeMtu(pair: Pair, end: End, mtuBytes: number): void {
  (end as { params: FrcpParams }).params = { ...end.params, mtuBytes };
  end.conn.changeMtu(pair.clockOf(end), mtuBytes);
  pair.flush(end);
}

function all(pair: Pair, forUs: number): void {
  const { a, b } = pair;
  pair.run(forUs, () => b.delivered.length === a.written.length && a.conn.unackedSdus === 0);
  expect([b.delivered.length, a.conn.unackedSdus, a.events]).toEqual([a.written.length, 0, []]);
}

//= R-FRCP-78
describe('when the path carries larger PDUs', () => {
  test('nothing under way is sent again', () => {
    const pair = new Pair({ params: CUBIC, link: { delayUs: 20 * MS } });
    write(pair, pair.a, 0, 30, 1_100);
    pair.run(10 * MS);
    changeMtu(pair, pair.a, 1_456);
    all(pair, SECOND);
    expect([pair.a.conn.stats.retransmits, pair.b.conn.stats.duplicates]).toEqual([0, 0]);
  });

  test('what was not sent leaves in larger ones', () => {
    const pair = new Pair({ params: CUBIC, link: { delayUs: 20 * MS } });
    write(pair, pair.a, 0, 2, 16_000);
    const sent = capture(pair, pair.a);
    changeMtu(pair, pair.a, 1_456);
    all(pair, SECOND);
    expect(Math.max(...sent.map(({ dataEnd, dataStart }) => dataEnd - dataStart))).toBeGreaterThan(1_400);
  });

  test('round trip and congestion window stay', () => {
    const pair = new Pair({ params: CUBIC, link: { delayUs: 20 * MS } });
    write(pair, pair.a, 0, 100, 1_100);
    pair.run(130 * MS);
    const before = sendOf(pair.a);
    expect(before['cwndBytes']).toBeGreaterThan(30_000);
    changeMtu(pair, pair.a, 1_456);
    const { cwndBytes, srttUs, rttMinUs } = sendOf(pair.a);
    expect([cwndBytes, srttUs, rttMinUs]).toEqual([
      before['cwndBytes'],
      before['srttUs'],
      before['rttMinUs'],
    ]);
  });

  test('data that a reliable lower flow has taken need no copy', () => {
    const pair = new Pair({ params: { lowerReliable: true, mtuBytes: 1_200 } });
    write(pair, pair.a, 0, 3, 1_100);
    changeMtu(pair, pair.a, 9_000);
    write(pair, pair.a, 3, 1, 8_000);
    all(pair, SECOND);
  });
});

//= R-FRCP-78
describe('when the path carries only smaller PDUs', () => {
  test('only what does not fit is sent again', () => {
    const pair = new Pair({ params: { mtuBytes: 1_456, timestamps: false }, link: { delayUs: 20 * MS } });
    write(pair, pair.a, 0, 4, 300);
    write(pair, pair.a, 4, 2, 1_400);
    const sent = capture(pair, pair.a);
    changeMtu(pair, pair.a, 576);
    all(pair, SECOND);
    expect(sent.map(({ pduBytes, dataEnd, dataStart }) => [pduBytes, dataEnd - dataStart])).toEqual(
      [552, 552, 296, 552, 552, 296].map((bytes) => [1_400, bytes]),
    );
  });

  test('what was lost before and fits still counts as lost', () => {
    const pair = new Pair({ params: { mtuBytes: 1_456 }, link: { down: true } });
    write(pair, pair.a, 0, 5, 300);
    write(pair, pair.a, 5, 1, 1_400);
    pair.run(800 * MS);
    const { lostPdus } = sendOf(pair.a);
    pair.a.conn.changeMtu(pair.clockOf(pair.a), 576);
    expect([lostPdus, sendOf(pair.a)['lostPdus']]).toEqual([4, 3 + 3]);
  });

  test('what it took for lost is not given up by an answer to what left before', () => {
    const pair = new Pair({ params: { ...CUBIC, mtuBytes: 1_456 }, link: { delayUs: 500 * MS } });
    write(pair, pair.a, 0, 1, 300);
    pair.a.out.down = true;
    write(pair, pair.a, 1, 4, 1_400);
    pair.run(800 * MS);
    pair.a.out.down = false;
    expect(pair.a.conn.stats.timeouts).toBe(1);
    changeMtu(pair, pair.a, 576);
    all(pair, 3 * SECOND);
    expect(pair.a.conn.stats.spuriousTimeouts).toBe(0);
  });

  //= R-FRCP-104
  test('a stretch of loss lasts until all that was cut has arrived', () => {
    const pair = new Pair({ params: { ...CUBIC, mtuBytes: 1_456 }, link: { delayUs: 20 * MS } });
    write(pair, pair.a, 0, 60, 500);
    all(pair, SECOND);
    pair.a.out.filter = (pdu) => pdu.length <= 576;
    write(pair, pair.a, 60, 12, 1_400);
    write(pair, pair.a, 72, 4, 500);
    pair.run(SECOND, () => pair.a.conn.stats.lossEpisodes === 1);
    let segments = 0;
    pair.a.out.filter = (pdu) => pciOf(pdu).pduBytes === 0 || ++segments !== 30;
    changeMtu(pair, pair.a, 576);
    all(pair, SECOND);
    expect(segments).toBe(36 + 1);
    expect(pair.a.conn.stats).toMatchObject({ lossEpisodes: 1, timeouts: 0 });
  });

  //= R-FRCP-105
  test('what it cut and arrives whole was no loss found wrongly', () => {
    const pair = new Pair({ params: { ...CUBIC, mtuBytes: 1_456 }, link: { delayUs: 20 * MS } });
    write(pair, pair.a, 0, 60, 500);
    all(pair, SECOND);
    write(pair, pair.a, 60, 30, 1_400);
    let small = 0;
    pair.a.out.filter = (pdu) => pciOf(pdu).pduBytes > 0 || pdu.length > 600 || ++small !== 1;
    write(pair, pair.a, 90, 6, 500);
    pair.run(35 * MS);
    changeMtu(pair, pair.a, 576);
    all(pair, SECOND);
    expect(pair.a.conn.stats).toMatchObject({ lossEpisodes: 1, congestionUndone: 0, spuriousLosses: 0 });
  });

  test.each([0, 0.1, 0.3])('everything arrives while it changes again and again, loss %d', (lossRate) => {
    for (let seed = 1; seed <= 5; seed++) {
      const pair = new Pair({
        seed,
        params: { ...CUBIC, mtuBytes: 1_456 },
        link: { lossRate, delayUs: 20 * MS, jitterUs: 5 * MS, duplicateRate: lossRate / 2 },
      });
      for (const mtuBytes of [1_280, 576, 1_280, 548, 9_000, 576]) {
        write(pair, pair.a, pair.a.written.length, 20, 1_440);
        write(pair, pair.a, pair.a.written.length, 2, 5_000);
        pair.run(25 * MS);
        pair.a.out.filter = (pdu) => pdu.length <= mtuBytes;
        pair.run(45 * MS);
        changeMtu(pair, pair.a, mtuBytes);
        pair.run(45 * MS);
      }
      all(pair, 60 * SECOND);
    }
  });
});
