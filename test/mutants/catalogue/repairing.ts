import type { Mutant } from '../mutant.ts';

/** Timeouts, copies, give-up, round trips. */
export const REPAIRING: readonly Mutant[] = [
  {
    name: 'gives-up-at-r',
    breaks: 'the flow is down R after a first transmission: an answer could still come',
    requirement: 'R-FRCP-47',
    like: 'W1',
    caughtBy: ['I18'],
    profiles: ['frcp', 'small'],
    patches: [{ file: 'params.ts', find: 'giveUpUs: dtUs + mplUs,', replace: 'giveUpUs: p.rUs,' }],
  },
  {
    name: 'never-gives-up',
    breaks: 'the flow is never down',
    requirement: 'R-FRCP-47',
    caughtBy: ['I23', 'I24', 'I28'],
    profiles: ['frcp', 'small'],
    patches: [
      { file: 'loss-recovery.ts', find: 'if (this.finalProbeSent) return VERDICT.OVER;', replace: '' },
    ],
  },
  {
    name: 'copy-after-r',
    breaks: 'a number is sent again more than R after the first time',
    requirement: 'R-FRCP-44',
    caughtBy: ['I13'],
    profiles: ['frcp', 'small'],
    patches: [
      {
        file: 'sender.ts',
        find: 'return this.sleptOver(now) || (((now | 0) - this.window.firstSentOf(index)) | 0) > this.params.rUs;',
        replace: 'return this.sleptOver(now) && index < 0;',
      },
    ],
  },
  {
    name: 'timeout-resends-nothing',
    breaks: 'a timeout finds nothing lost: a lost tail is never repaired',
    requirement: 'R-FRCP-46',
    like: 'C6',
    caughtBy: ['I23', 'I22'],
    patches: [
      {
        file: 'loss-recovery.ts',
        find: 'this.found = this.disproved = 0;\n      window.markAllLost();',
        replace: 'this.found = this.disproved = 0;',
      },
    ],
  },
  {
    name: 'timeout-not-capped',
    breaks: 'the timeout doubles for ever: a healed outage is noticed late',
    requirement: 'R-FRCP-42',
    like: 'C5 W7',
    caughtBy: ['I12', 'I23'],
    patches: [
      {
        file: 'rtt-estimator.ts',
        find: 'const doubled = Math.min(base * 2 ** Math.min(this.backoff, 24), Math.max(bounds.rtoSoftMaxUs, slowPath));',
        replace: 'const doubled = base * 2 ** Math.min(this.backoff, 24);',
      },
      {
        file: 'rtt-estimator.ts',
        find: 'return Math.ceil(Math.min(doubled, bounds.rtoMaxUs));',
        replace: 'return Math.ceil(doubled);',
      },
    ],
  },
  {
    name: 'timeout-capped-at-r-4-only',
    breaks: 'a few timeouts fill R: with half of all PDUs lost a number fails',
    requirement: 'R-FRCP-42',
    like: 'C5 C6',
    caughtBy: ['I23', 'I22'],
    profiles: ['small', 'frcp'],
    patches: [
      {
        file: 'rtt-estimator.ts',
        find: 'const doubled = Math.min(base * 2 ** Math.min(this.backoff, 24), Math.max(bounds.rtoSoftMaxUs, slowPath));',
        replace: 'const doubled = slowPath > 0 ? base * 2 ** Math.min(this.backoff, 24) : 0;',
      },
    ],
  },
  {
    name: 'timeout-without-a',
    breaks: "the timeout leaves no time for the peer's delayed acknowledgement",
    requirement: 'R-FRCP-42',
    caughtBy: ['I12'],
    patches: [
      {
        file: 'rtt-estimator.ts',
        find: 'const base = Math.max(bounds.rtoMinUs, path + bounds.aUs);',
        replace: 'const base = Math.max(bounds.rtoMinUs, path);',
      },
    ],
  },
  {
    name: 'tail-probe-without-a',
    breaks: "the tail probe leaves no time for the peer's delayed acknowledgement",
    requirement: 'R-FRCP-56',
    caughtBy: ['I12'],
    patches: [
      {
        file: 'loss-recovery.ts',
        find: 'Math.ceil(Math.max(CLOCK_STEPS_US, 2 * rtt.srttUs) + times.aUs)',
        replace: 'Math.ceil(Math.max(CLOCK_STEPS_US, 2 * rtt.srttUs))',
      },
    ],
  },
  {
    name: 'time-not-wrapped',
    breaks: 'ages are taken from a clock that does not wrap: beyond 2^31 us nothing is sent again',
    requirement: 'R-FRCP-44',
    caughtBy: ['I23', 'I22'],
    patches: [
      {
        file: 'sender.ts',
        find: 'return this.sleptOver(now) || (((now | 0) - this.window.firstSentOf(index)) | 0) > this.params.rUs;',
        replace: 'return this.sleptOver(now) || now - this.window.firstSentOf(index) > this.params.rUs;',
      },
    ],
  },
  {
    name: 'copies-without-checksum',
    breaks: 'once something was sent again, data goes out without its checksum',
    requirement: 'R-FRCP-04',
    like: 'C9 W8',
    caughtBy: ['I40'],
    patches: [
      {
        file: 'connection.ts',
        find: 'if (this.phase === PHASE.CLOSING) this.finishClose(now);\n    return this.seal(out, offset, end);',
        replace:
          'if (this.phase === PHASE.CLOSING) this.finishClose(now);\n    return this.stats.retransmits > 0 ? end - offset : this.seal(out, offset, end);',
      },
    ],
  },
  {
    name: 'checksum-not-checked',
    breaks: 'damaged PDUs are taken in',
    requirement: 'R-FRCP-04',
    caughtBy: ['I7', 'I2', 'I4', 'I9', 'I8', 'I17', 'I11', 'I15', 'I18', 'I20', 'I10', 'I26'],
    patches: [
      {
        file: 'pci.ts',
        find: 'return at >= start && readI32(buf, at) === (crc32(buf, start, at) | 0);',
        replace: 'return at >= start && typeof crc32 === "function";',
      },
    ],
  },
  {
    name: 'grown-ring-misplaced',
    breaks: 'a send buffer that grows while in use moves its bytes to the wrong place',
    requirement: 'R-FRCP-44',
    caughtBy: ['I2', 'I4', 'I13'],
    patches: [
      {
        file: 'send-ring.ts',
        find: 'grown.set(old.subarray(from, from + n), pos & (size - 1));',
        replace: 'grown.set(old.subarray(from, from + n), (pos - this.keptPos) & (size - 1));',
      },
    ],
  },
  {
    name: 'round-trip-of-copies',
    breaks: 'without times the answer to a first copy is taken for that to the second',
    requirement: 'R-FRCP-43',
    caughtBy: ['I12'],
    patches: [
      {
        file: 'loss-recovery.ts',
        find: 'news.newestKnown && !news.doubtful)',
        replace: 'news.newestKnown)',
      },
      {
        file: 'delivery.ts',
        find: '} else if (((news.nowI32 - sent) | 0) < news.minUs) return;',
        replace: '}',
      },
    ],
  },
  {
    name: 'age-from-last-copy',
    breaks: 'a copy makes its number young again: R has no end',
    requirement: 'R-FRCP-44',
    caughtBy: ['I13', 'I23', 'I18'],
    patches: [
      {
        file: 'send-window.ts',
        find: 'this.meta[at + LAST_SENT] = nowI32;\n    this.flightBytes += this.sizeOf',
        replace:
          'this.meta[at + FIRST_SENT] = this.meta[at + LAST_SENT] = nowI32;\n    this.flightBytes += this.sizeOf',
      },
    ],
  },
  {
    name: 'lost-forgotten',
    breaks: 'a lost PDU that lies before others that were sent again is passed over',
    requirement: 'R-FRCP-46',
    caughtBy: ['I23', 'I22', 'I40', 'I39'],
    patches: [
      {
        file: 'send-window.ts',
        find: 'this.lostCount--;\n    this.lostHint = (index + 1) | 0;',
        replace: 'this.lostCount = 0;\n    this.lostHint = (index + 1) | 0;',
      },
    ],
  },
  {
    name: 'flight-never-shrinks',
    breaks: 'what has arrived counts as under way: the congestion window fills up for ever',
    requirement: 'R-FRCP-100',
    caughtBy: ['I23', 'I21'],
    patches: [{ file: 'send-window.ts', find: 'this.flightBytes -= bytes;', replace: '' }],
  },
];
