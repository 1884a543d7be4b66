import { describe, expect, test } from '@jest/globals';
import { message, Pair, type End } from './pair.ts';
import { arrives, MINUTE, MS, R120, SECOND, sendOf, write } from './scenario-steps.ts';

/** FRCP_FULL=1 is the acceptance run: minutes. */
const TRIALS = process.env['FRCP_FULL'] === '1' ? 200 : 4;
const MESSAGES = 1_001;

/** Writes `count` messages as fast as the window allows. */
function feed(pair: Pair, end: End, count: number): void {
  let n = 0;
  const go = (): void => {
    while (n < count && pair.write(end, message(n)) === 'queued') n++;
    if (n < count) pair.after(10 * MS, go);
  };
  go();
}

describe('loss both ways', () => {
  for (const lossRate of [0, 0.1, 0.2, 0.3, 0.5]) {
    test(`of ${lossRate * 100} %: ${MESSAGES} messages arrive and the flow closes, ${TRIALS} times`, () => {
      for (let seed = 1; seed <= TRIALS; seed++) {
        const pair = new Pair({ seed, link: { lossRate } });
        feed(pair, pair.a, MESSAGES);
        pair.run(10 * MINUTE, () => pair.b.delivered.length === MESSAGES);
        const { events, delivered } = pair.b;
        expect({ seed, delivered: delivered.length, events }).toMatchObject({ delivered: MESSAGES });
        pair.close(pair.a);
        pair.close(pair.b);
        expect(pair.run(2 * MINUTE, () => pair.a.has('closed') && pair.b.has('closed'))).toBe(true);
        expect(pair.a.has('down') || pair.b.has('down')).toBe(false);
      }
    });
  }
});

describe('a blackout inside R of 120 s', () => {
  for (const outage of [20, 35, 50, 90]) {
    for (const sides of ['both ways', 'of data', 'of acknowledgements'] as const) {
      test(`of ${outage} s, ${sides}: the flow lives and resumes within 2 s`, () => {
        for (let phase = 0; phase < 8; phase++) {
          const pair = new Pair({ seed: phase + 1, params: R120, link: { delayUs: 10 * MS } });
          let written = 0;
          const talk = (): void => {
            if (pair.write(pair.a, message(written)) === 'queued') written++;
            if (written < 400) pair.after(300 * MS, talk);
          };
          talk();
          pair.run(5 * SECOND + phase * 131 * MS);
          if (sides !== 'of acknowledgements') pair.a.out.down = true;
          if (sides !== 'of data') pair.b.out.down = true;
          pair.run(outage * SECOND + phase * 57 * MS);
          pair.a.out.down = pair.b.out.down = false;
          const [was, unacked] = [pair.b.delivered.length, pair.a.conn.unackedSdus];
          pair.run(2 * SECOND);
          expect(pair.b.delivered.length).toBeGreaterThan(was);
          expect(pair.a.conn.unackedSdus).toBeLessThan(unacked);
          expect(pair.run(3 * MINUTE, () => pair.b.delivered.length === 400)).toBe(true);
          expect(pair.a.has('down') || pair.b.has('down')).toBe(false);
        }
      });
    }
  }
});

describe('a reader that pauses ten minutes', () => {
  for (const lossRate of [0, 0.2]) {
    test(`keeps the flow and goes on within a second, with ${lossRate * 100} % lost`, () => {
      const pair = new Pair({ params: { windowPdus: 64 }, link: { lossRate } });
      pair.b.reading = false;
      let written = 0;
      const talk = (): void => {
        while (written < 300 && pair.write(pair.a, message(written)) === 'queued') written++;
        if (written < 300) pair.after(SECOND, talk);
      };
      talk();
      pair.run(10 * MINUTE);
      expect(pair.b.conn.readableSdus).toBe(64);
      expect(sendOf(pair.a)['inFlightPdus']).toBe(0);
      pair.b.reading = true;
      while (pair.read(pair.b) !== null);
      expect(pair.run(lossRate === 0 ? SECOND : 10 * SECOND, () => pair.b.delivered.length > 64)).toBe(true);
      expect(pair.run(MINUTE, () => pair.b.delivered.length === 300)).toBe(true);
      expect(pair.a.has('down') || pair.b.has('down')).toBe(false);
    });
  }
});

describe('one side idle for three sender timers while the other streams', () => {
  for (const rate of [0.98, 1, 1.02]) {
    for (const lossRate of [0, 0.2]) {
      test(`is heard when it speaks, its clock at ${rate}, ${lossRate * 100} % lost`, () => {
        const pair = new Pair({ rate: { a: rate }, link: { lossRate } });
        const senderTimerUs = (pair.a.conn.inspect()['times'] as { senderTimerUs: number }).senderTimerUs;
        write(pair, pair.a, 0, 1);
        arrives(pair, pair.b, 1, 10 * SECOND);
        const until = pair.nowUs + 3 * senderTimerUs;
        for (let n = 0; pair.nowUs < until; n++) {
          write(pair, pair.b, n, 1);
          pair.run(SECOND);
        }
        write(pair, pair.a, 1, 1);
        arrives(pair, pair.b, 2, 10 * SECOND);
        expect(pair.a.conn.stats.runsStarted).toBe(2);
        expect(pair.b.conn.stats.runsStarted).toBe(1);
      });
    }
  }
});
