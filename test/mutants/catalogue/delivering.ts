import type { Mutant } from '../mutant.ts';

/** Order, copies, serial numbers, fragments; and flows without retransmission. */
export const DELIVERING: readonly Mutant[] = [
  {
    name: 'delivered-out-of-order',
    breaks: 'what comes behind a gap is delivered at once',
    requirement: 'R-FRCP-32',
    caughtBy: ['I2', 'I4', 'I8', 'I11'],
    patches: [
      {
        file: 'receive-window.ts',
        find: 'if (ahead > 0) return this.hold(index, buf, pci);',
        replace: '',
      },
    ],
  },
  {
    name: 'copy-delivered',
    breaks: 'a copy of what was delivered is delivered again',
    requirement: 'R-FRCP-32',
    caughtBy: ['I1', 'I4', 'I2'],
    patches: [{ file: 'receive-window.ts', find: 'if (ahead < 0) return ACCEPT.DUPLICATE;', replace: '' }],
  },
  {
    name: 'taken-and-still-held',
    breaks: 'a held PDU stays marked as held when it is delivered',
    requirement: 'R-FRCP-32',
    caughtBy: ['I2', 'I4', 'I1', 'I8', 'I23', 'I40'],
    patches: [
      {
        file: 'reorder-queue.ts',
        find: 'this.present[slot] = 0;\n    this.count--;',
        replace: 'this.count--;',
      },
    ],
  },
  {
    name: 'grown-queue-forgets',
    breaks: 'a reordering queue that grows forgets what it holds and has acknowledged',
    requirement: 'R-FRCP-32',
    caughtBy: ['I23', 'I8', 'I18', 'I22', 'I11', 'I9'],
    profiles: ['frcp', 'small'],
    patches: [{ file: 'reorder-queue.ts', find: 'this.present[to] = 1;', replace: '' }],
  },
  {
    name: 'numbers-not-wrapped',
    breaks: 'the receiver compares numbers without wrapping them at 2^32',
    requirement: 'R-FRCP-01',
    caughtBy: ['I2', 'I11', 'I23', 'I8', 'I15'],
    patches: [
      {
        file: 'receive-window.ts',
        find: 'const index = (pci.seq - this.base) | 0;\n    //= R-FRCP-01\n    const ahead = (index - this.next) | 0;',
        replace: 'const index = pci.seq - this.base;\n    const ahead = index - this.next;',
      },
    ],
  },
  {
    name: 'acknowledged-numbers-not-wrapped',
    breaks: 'the sender compares numbers without wrapping them at 2^32',
    requirement: 'R-FRCP-01',
    caughtBy: ['I9', 'I23'],
    patches: [
      {
        file: 'sender.ts',
        find: 'const index = window.indexOf(pci.ack);',
        replace: 'const index = pci.ack - window.base;',
      },
      {
        file: 'sender.ts',
        find: 'const ahead = (index - window.una) | 0;',
        replace: 'const ahead = index - window.una;',
      },
    ],
  },
  {
    name: 'every-fragment-first',
    breaks: 'each fragment says that it is the first',
    requirement: 'R-FRCP-55',
    caughtBy: ['I4', 'I18'],
    patches: [{ file: 'send-window.ts', find: '      first = 0;\n', replace: '' }],
  },
  {
    name: 'not-fragmented',
    breaks: 'an SDU is a PDU, whatever the lower flow takes',
    requirement: 'R-FRCP-55',
    like: 'W13',
    caughtBy: ['I39'],
    patches: [
      {
        file: 'send-window.ts',
        find: 'if (length <= payloadMax) this.appendPdu(length, FLAG.FIRST | FLAG.LAST);',
        replace: 'if (length <= payloadMax * 1000) this.appendPdu(length, FLAG.FIRST | FLAG.LAST);',
      },
    ],
  },
  {
    name: 'message-keeps-the-last-one',
    breaks: 'a message put together begins with the bytes of the one before',
    requirement: 'R-FRCP-55',
    caughtBy: ['I4', 'I2'],
    patches: [
      {
        file: 'reassembly.ts',
        find: 'this.length = 0;\n      this.open = false;\n      return',
        replace: 'this.open = false;\n      return',
      },
    ],
  },
  {
    name: 'message-acknowledged-by-its-first-fragment',
    breaks: 'a message counts as acknowledged when its first fragment is',
    requirement: 'R-FRCP-52',
    caughtBy: ['I9', 'I8', 'I24'],
    patches: [
      {
        file: 'send-window.ts',
        find: 'if ((info & FLAG.LAST) !== 0) sdus++;',
        replace: 'if ((info & FLAG.FIRST) !== 0) sdus++;',
      },
    ],
  },
  {
    name: 'cut-message-taken-for-whole',
    breaks: 'the acknowledgement of a PDU that ends no message counts one',
    requirement: 'R-FRCP-52',
    caughtBy: ['I9', 'I8', 'I24'],
    patches: [
      {
        file: 'send-window.ts',
        find: 'if ((flags & FLAG.LAST) === 0) this.plainFrom = this.tail;',
        replace: '',
      },
    ],
  },
  {
    name: 'late-data-delivered',
    breaks: 'without retransmission, data that comes late goes back in order',
    requirement: 'R-FRCP-60',
    caughtBy: ['I3', 'I1', 'I4'],
    patches: [
      {
        file: 'receive-window.ts',
        find: 'if (ahead < 0 || this.ended) return ACCEPT.DUPLICATE;',
        replace: 'if (this.ended) return ACCEPT.DUPLICATE;',
      },
    ],
  },
  {
    name: 'missing-fragment-skipped',
    breaks: 'without retransmission, a message is put together over a missing fragment',
    requirement: 'R-FRCP-60',
    caughtBy: ['I4'],
    profiles: ['small', 'frcp'],
    patches: [
      {
        file: 'receive-window.ts',
        find: 'const continues = ahead === 0 && (pci.flags & FLAG.FIRST) === 0;',
        replace: 'const continues = (pci.flags & FLAG.FIRST) === 0;',
      },
    ],
  },
  {
    name: 'slow-reader-without-bound',
    breaks: 'without retransmission, what a slow reader leaves no room for is kept',
    requirement: 'R-FRCP-60',
    caughtBy: ['I20'],
    patches: [
      {
        file: 'receive-window.ts',
        find: 'if (!this.params.reliable && (this.roomBytes() < end - start || this.roomPdus() <= 0)) {',
        replace: 'if (!this.params.reliable && this.roomBytes() < 0) {',
      },
    ],
  },
  {
    name: 'unreliable-end-sent-once',
    breaks: 'without retransmission, the end marker is not sent again either',
    requirement: 'R-FRCP-61',
    caughtBy: ['I23', 'I25', 'I24', 'I28'],
    patches: [
      {
        file: 'sender.ts',
        find: 'else if (this.timers.rtxAt === NEVER) this.armRtx(now);\n  }',
        replace: '}',
      },
    ],
  },
  {
    name: 'last-run-completes-message',
    breaks:
      'without retransmission, fragments of the next run complete a message that the end of the last one cut',
    requirement: 'R-FRCP-60',
    caughtBy: ['I4'],
    profiles: ['frcp', 'long'],
    patches: [
      { file: 'receive-window.ts', find: 'if (!this.params.reliable) this.partial?.clear();', replace: '' },
    ],
  },
  {
    name: 'folded-over-half-a-message',
    breaks: 'a connection folds itself over the fragments of a message that is not complete',
    requirement: 'R-FRCP-20',
    caughtBy: ['I4', 'I2', 'I26'],
    profiles: ['frcp', 'small'],
    patches: [
      { file: 'receive-window.ts', find: '!this.hasGaps && !this.cutSdu;', replace: '!this.hasGaps;' },
    ],
  },
];
