import type { Mutant } from '../mutant.ts';

/** What the receiver acknowledges and when; what the sender believes of it. */
export const ACKNOWLEDGING: readonly Mutant[] = [
  {
    name: 'acknowledged-when-read',
    breaks: 'a PDU is acknowledged when the program has read it: a paused reader kills the flow',
    requirement: 'R-FRCP-40',
    like: 'C4 W5',
    caughtBy: ['I22', 'I23', 'I11', 'I21', 'I10', 'I24'],
    patches: [
      {
        file: 'receive-window.ts',
        find: 'pci.ack = (this.next + this.base) | 0;',
        replace: 'pci.ack = (this.next - this.queue.length + this.base) | 0;',
      },
    ],
  },
  {
    name: 'acknowledges-over-gap',
    breaks: 'the acknowledgement counts what is held behind a gap',
    requirement: 'R-FRCP-40',
    caughtBy: ['I8'],
    patches: [
      {
        file: 'receive-window.ts',
        find: 'pci.ack = (this.next + this.base) | 0;',
        replace: 'pci.ack = ((this.hasGaps ? this.reorder!.high : this.next) + this.base) | 0;',
      },
    ],
  },
  {
    name: 'acknowledgement-not-scheduled',
    breaks: 'data in order is acknowledged only when something else has to be',
    requirement: 'R-FRCP-40',
    caughtBy: ['I11'],
    patches: [
      {
        file: 'receiver.ts',
        find: 'else if (this.timers.ackAt === NEVER) this.timers.ackAt = now + this.params.aUs;',
        replace: '',
      },
    ],
  },
  {
    name: 'acknowledgement-after-2a',
    breaks: 'an acknowledgement is held back for 2 A',
    requirement: 'R-FRCP-40',
    caughtBy: ['I11'],
    patches: [
      {
        file: 'receiver.ts',
        find: 'this.timers.ackAt = now + this.params.aUs;',
        replace: 'this.timers.ackAt = now + 2 * this.params.aUs;',
      },
    ],
  },
  {
    name: 'gap-not-told',
    breaks: 'a PDU behind a gap is held without a word',
    requirement: 'R-FRCP-40',
    caughtBy: ['I11'],
    patches: [
      {
        file: 'receiver.ts',
        find: 'this.stats.outOfOrder++;\n      this.ackNow = true;',
        replace: 'this.stats.outOfOrder++;',
      },
    ],
  },
  {
    name: 'copy-not-answered',
    breaks: 'a copy is dropped without an answer: after a lost last acknowledgement its sender asks in vain',
    requirement: 'R-FRCP-41',
    like: 'C7 W9',
    caughtBy: ['I11'],
    patches: [{ file: 'receiver.ts', find: 'this.onRefused(now, acceptance);', replace: '' }],
  },
  {
    name: 'every-copy-answered',
    breaks: 'each of a hundred copies provokes an acknowledgement',
    requirement: 'R-FRCP-41',
    caughtBy: ['I11'],
    profiles: ['small', 'frcp'],
    patches: [
      {
        file: 'receiver.ts',
        find: 'if (now >= earliest) this.ackNow = true;',
        replace: 'if (now >= 0) this.ackNow = true;',
      },
    ],
  },
  {
    name: 'range-too-long',
    breaks: 'a range tells one PDU more than is held',
    requirement: 'R-FRCP-57',
    caughtBy: ['I8'],
    patches: [
      {
        file: 'reorder-queue.ts',
        find: 'writeI32(out, at + ranges * 8 + 4, (i + base) | 0);',
        replace: 'writeI32(out, at + ranges * 8 + 4, (i + base + 1) | 0);',
      },
    ],
  },
  {
    name: 'number-not-checked',
    breaks: 'an acknowledgement of what was never sent acknowledges all that was',
    requirement: 'R-FRCP-33',
    like: 'C8 W3',
    caughtBy: ['I9', 'I8'],
    patches: [
      {
        file: 'sender.ts',
        find: 'if (!this.runStarted || ahead < 0 || ((index - window.nxt) | 0) > 0) {',
        replace: `if (this.runStarted && ahead > 0 && ((index - window.nxt) | 0) > 0)
      return this.onAck(now, buf, { ...pci, ack: (window.nxt + window.base) | 0 });
    if (!this.runStarted || ahead < 0) {`,
      },
    ],
  },
  {
    name: 'old-acknowledgement-widens-window',
    breaks: 'the credit of an old acknowledgement counts from the numbers of now',
    requirement: 'R-FRCP-33',
    like: 'C10',
    caughtBy: ['I20', 'I10'],
    patches: [
      {
        file: 'sender.ts',
        find: 'if (!this.runStarted || ahead < 0 || ((index - window.nxt) | 0) > 0) {',
        replace: 'if (!this.runStarted || ((index - window.nxt) | 0) > 0) {',
      },
    ],
  },
  {
    name: 'range-taken-too-far',
    breaks: 'the sender takes the PDU behind a range for arrived, and never sends it again',
    requirement: 'R-FRCP-33',
    caughtBy: ['I22', 'I23', 'I18', 'I2'],
    patches: [
      {
        file: 'sender.ts',
        find: 'window.selectivelyAcknowledge(from, to);',
        replace: 'window.selectivelyAcknowledge(from, to === window.nxt ? to : (to + 1) | 0);',
      },
    ],
  },
  {
    name: 'echo-counts-wait-twice',
    breaks: 'the echoed time is advanced by twice the wait: round trips come out too short',
    requirement: 'R-FRCP-49',
    caughtBy: ['I12'],
    patches: [
      {
        file: 'receiver.ts',
        find: 'return (time + ((now | 0) - this.timeCameAt)) | 0;',
        replace: 'return (time + 2 * ((now | 0) - this.timeCameAt)) | 0;',
      },
    ],
  },
  {
    name: 'fields-without-acknowledgement',
    breaks: 'a PDU that acknowledges nothing carries what was left from the last header',
    requirement: 'R-FRCP-02',
    caughtBy: ['I8'],
    patches: [
      {
        file: 'connection.ts',
        find: 'else pci.ack = pci.edge = pci.creditBytes = 0;\n    if (window.segments',
        replace: 'if (window.segments',
      },
    ],
  },
];
