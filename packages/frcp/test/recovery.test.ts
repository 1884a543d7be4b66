import { describe, expect, test } from '@jest/globals';
import { message, Pair, type End } from './pair.ts';
import { MS, sendOf, SECOND, write } from './scenario-steps.ts';
import { decodePci, FLAG, newPci } from '../src/pci.ts';

const BULK = {
  windowBytes: 1 << 20,
  windowPdus: 4_096,
  mtuBytes: 1_400,
} as const;

/** Delays the first copy of chosen data PDUs, or loses it; counts data PDUs from 0. */
function disturb(pair: Pair, end: End, rule: (n: number) => 'lose' | number): void {
  let n = 0;
  const seen = new Set<number>();
  end.out.filter = (pdu) => {
    const pci = newPci();
    if (!decodePci(pdu, 0, pdu.length, pci) || (pci.flags & FLAG.DATA) === 0 || seen.has(pci.seq))
      return true;
    seen.add(pci.seq);
    const verdict = rule(n++);
    if (verdict === 0) return true;
    if (verdict === 'lose') return false;
    const copy = pdu.slice();
    pair.after(end.out.delayUs + verdict, () => pair.inject(end.peer, copy));
    return false;
  };
}

/** Sends so many bytes in SDUs of 1,000, one each `gapUs`, and waits until all is acknowledged. */
function stream(pair: Pair, sdus: number, gapUs: number): void {
  let n = 0;
  const go = (): void => {
    while (n < sdus && pair.write(pair.a, message(n, 1_000)) === 'queued') {
      n++;
      if (gapUs > 0) break;
    }
    if (n < sdus) pair.after(Math.max(gapUs, 500), go);
  };
  go();
  const done = (): boolean => n === sdus && pair.a.conn.unackedSdus === 0;
  expect(pair.run(600 * SECOND, done)).toBe(true);
  expect(pair.b.delivered.length).toBe(sdus);
}

//= R-FRCP-49
describe('times', () => {
  test('tell the round trip although the peer keeps acknowledgements back', () => {
    const pair = new Pair({ link: { delayUs: 20 * MS } });
    pair.run(MS);
    write(pair, pair.a, 0, 1);
    pair.run(SECOND);
    expect(sendOf(pair.a)['srttUs']).toBe(40 * MS);
  });

  test('are not sent where nothing is sent again by time', () => {
    for (const params of [{ lowerReliable: true }, { reliable: false }]) {
      const pair = new Pair({ params });
      write(pair, pair.a, 0, 1);
      expect(sendOf(pair.a)['timestamps']).toBe(false);
    }
  });
});

//= R-FRCP-56
describe('a tail', () => {
  test('that is lost is repaired by a probe, not by a timeout', () => {
    const pair = new Pair({ params: BULK, link: { delayUs: 20 * MS } });
    disturb(pair, pair.a, (n) => (n >= 97 ? 'lose' : 0));
    stream(pair, 100, MS);
    expect(pair.a.conn.stats).toMatchObject({ timeouts: 0, tailProbes: 1, retransmits: 3 });
  });
});

//= R-FRCP-45
describe('what a gap costs', () => {
  test('one lost PDU in 10 MB is sent again once', () => {
    const pair = new Pair({ params: BULK, link: { delayUs: 20 * MS } });
    disturb(pair, pair.a, (n) => (n === 5_000 ? 'lose' : 0));
    stream(pair, 10_000, 0);
    expect(pair.a.conn.stats).toMatchObject({ retransmits: 1, timeouts: 0 });
  });

  test('a hundred lost PDUs cost at most two hundred', () => {
    const pair = new Pair({ params: BULK, link: { delayUs: 20 * MS } });
    disturb(pair, pair.a, (n) => (n % 100 === 50 ? 'lose' : 0));
    stream(pair, 10_000, 0);
    expect(pair.a.conn.stats.retransmits).toBeLessThanOrEqual(200);
    expect(pair.a.conn.stats.timeouts).toBe(0);
  });

  test('64 PDUs that overtake one cost a copy the first time only', () => {
    const pair = new Pair({ params: BULK, link: { delayUs: 20 * MS } });
    // A PDU each 112 us, as at 100 Mbit/s: 64 of them are 7.2 ms.
    disturb(pair, pair.a, (n) => (n % 500 === 200 ? 64 * 112 : 0));
    stream(pair, 10_000, 112);
    expect(pair.a.conn.stats).toMatchObject({ retransmits: 1, spuriousLosses: 1, timeouts: 0 });
  });
});
