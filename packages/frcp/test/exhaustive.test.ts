import { describe, expect, test } from '@jest/globals';
import { search, type Exchange, type Faults } from './exhaustive-search.ts';

/** With FRCP_FULL=1 more goes wrong in one run: a million states, minutes. */
const IS_FULL = process.env['FRCP_FULL'] === '1';
const FAULTS: readonly Faults[] = IS_FULL
  ? [
      { losses: 1, copies: 1, earlyTimers: 1 },
      { losses: 2, copies: 0, earlyTimers: 1 },
      { losses: 2, copies: 1, earlyTimers: 0 },
    ]
  : [
      { losses: 1, copies: 1, earlyTimers: 0 },
      { losses: 1, copies: 0, earlyTimers: 1 },
    ];

const exchanges: Record<string, Omit<Exchange, 'faults'>> = {
  'three messages one way': { a: { sdus: 3 }, b: { sdus: 0 } },
  'two messages and one back': { a: { sdus: 2 }, b: { sdus: 1 } },
  'one message each way, then both close': { a: { sdus: 1, closes: true }, b: { sdus: 1, closes: true } },
  'two messages, then their writer closes': { a: { sdus: 2, closes: true }, b: { sdus: 0 } },
  'a close that answers nothing': { a: { sdus: 0, closes: true }, b: { sdus: 0, closes: true } },
  'three messages across the wrap of numbers': { a: { sdus: 3 }, b: { sdus: 0 }, firstSeq: -1 },
};

describe('every order, loss, copy and early timer of a small exchange ends with everything delivered', () => {
  for (const [name, exchange] of Object.entries(exchanges)) {
    for (const faults of FAULTS) {
      test(`${name}, ${told(faults)}`, () => {
        const counts = search({ ...exchange, faults });
        if (IS_FULL) process.stdout.write(`${name}, ${told(faults)}: ${JSON.stringify(counts)}\n`);
        expect(counts.states).toBeGreaterThan(10);
        expect(counts.ends).toBeGreaterThan(0);
      });
    }
  }

  test('four messages in a window of four', () => {
    const faults = { losses: 1, copies: 0, earlyTimers: IS_FULL ? 1 : 0 };
    const counts = search({ params: { windowPdus: 4 }, a: { sdus: 4 }, b: { sdus: 0 }, faults });
    expect(counts.states).toBeGreaterThan(1_000);
  });

  test('four messages without retransmission, any lost or doubled', () => {
    const faults = { losses: 4, copies: 4, earlyTimers: 0 };
    const counts = search({ params: { reliable: false }, a: { sdus: 4 }, b: { sdus: 0 }, faults });
    expect(counts.states).toBeGreaterThan(300);
  });
});

function told({ losses, copies, earlyTimers }: Faults): string {
  return `${losses} lost, ${copies} doubled, ${earlyTimers} late`;
}
