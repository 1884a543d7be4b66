import { describe, expect, test } from '@jest/globals';
import { message, Pair } from './pair.ts';
import { MINUTE, MS } from './scenario-steps.ts';

/** FRCP_FULL=1 sends 1,000 messages from each of the 602 numbers. */
const IS_FULL = process.env['FRCP_FULL'] === '1';
const EDGES = { '2^31': 0x8000_0000, '2^32': 0x1_0000_0000 };
const MESSAGES = IS_FULL ? 1_000 : 310;
const STEP = IS_FULL ? 1 : 12;
/** Of the messages sent while each pattern of losses is tried. */
const FIRST = 6;

//= R-FRCP-01
describe('numbers', () => {
  for (const [name, edge] of Object.entries(EDGES)) {
    test(`that start 0 to 300 before ${name} carry ${MESSAGES} messages over it, with loss and reordering`, () => {
      for (let k = 0; k <= 300; k += STEP) {
        const firstSeq = { a: (edge - k) >>> 0, b: (edge - k) >>> 0 };
        const link = { lossRate: 0.05, duplicateRate: 0.02, jitterUs: 3 * MS };
        const pair = new Pair({ seed: k + 1, firstSeq, link, params: { windowPdus: 64 } });
        let n = 0;
        const feed = (): void => {
          while (n < MESSAGES && pair.write(pair.a, message(n)) === 'queued') n++;
          if (n < MESSAGES) pair.after(5 * MS, feed);
        };
        feed();
        pair.run(5 * MINUTE, () => pair.b.delivered.length === MESSAGES);
        expect({ k, delivered: pair.b.delivered.length }).toEqual({ k, delivered: MESSAGES });
      }
    });

    for (const [from, to] of [
      [0, 4],
      [5, 9],
    ] as const) {
      test(`${from} to ${to} before ${name}: every set of ${FIRST} losses in a window of four is mended`, () => {
        for (let k = from; k <= to; k++) {
          for (let lost = 0; lost < 1 << FIRST; lost++) {
            const pair = new Pair({ firstSeq: { a: (edge - k) >>> 0 }, params: { windowPdus: 4 } });
            let sent = 0;
            pair.a.out.filter = () => ((lost >>> sent++) & 1) === 0;
            for (let n = 0; n < 4; n++) pair.write(pair.a, message(n));
            pair.run(MINUTE, () => pair.a.conn.unackedSdus === 0);
            for (let n = 4; n < 8; n++) pair.write(pair.a, message(n));
            pair.run(MINUTE, () => pair.a.conn.unackedSdus === 0);
            expect({ k, lost, delivered: pair.b.delivered.length }).toEqual({ k, lost, delivered: 8 });
          }
        }
      });
    }
  }
});
