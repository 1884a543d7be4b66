import type { Mutant } from '../mutant.ts';

/** Close, end, reset, give-up told; folding and moving to another lower flow. */
export const ENDING: readonly Mutant[] = [
  {
    name: 'no-end-marker',
    breaks: 'close sends no end: the reader cannot tell complete from cut',
    requirement: 'R-FRCP-50',
    like: 'W10',
    caughtBy: ['I24', 'I25', 'I23'],
    patches: [{ file: 'life-cycle.ts', find: 'if (this.params.wire === null) tx.appendEnd();', replace: '' }],
  },
  {
    name: 'closed-before-acknowledged',
    breaks: "closed is told when the peer's end has come, whatever is unacknowledged",
    requirement: 'R-FRCP-52',
    caughtBy: ['I24'],
    patches: [{ file: 'life-cycle.ts', find: 'if (window.unackedSdus !== 0) return;', replace: '' }],
  },
  {
    name: 'closed-before-end-arrived',
    breaks: 'closed is told when all messages are acknowledged, though the end may be lost',
    requirement: 'R-FRCP-52',
    caughtBy: ['I24', 'I25', 'I23'],
    patches: [
      {
        file: 'life-cycle.ts',
        find: 'if (window.una === window.tail || (isCertain && window.nxt === window.tail)) this.closed(now);',
        replace: 'if (window.nxt === window.tail || isCertain) this.closed(now);',
      },
    ],
  },
  {
    name: 'end-out-of-order',
    breaks: 'an end that comes before the data in front of it ends the flow',
    requirement: 'R-FRCP-51',
    caughtBy: ['I8', 'I26', 'I23', 'I11', 'I2', 'I22', 'I25'],
    patches: [
      {
        file: 'receive-window.ts',
        find: 'if (ahead > 0) return this.hold(index, buf, pci);',
        replace: `if (ahead > 0 && (pci.flags & FLAG.END) !== 0) this.ended = true;
    if (ahead > 0) return this.hold(index, buf, pci);`,
      },
    ],
  },
  {
    name: 'end-not-sent-again',
    breaks: 'a lost end is not sent again',
    requirement: 'R-FRCP-50',
    caughtBy: ['I25', 'I23', 'I22', 'I24'],
    patches: [
      {
        file: 'sender.ts',
        find: 'return this.sleptOver(now) || (((now | 0) - this.window.firstSentOf(index)) | 0) > this.params.rUs;',
        replace: `return (
      this.sleptOver(now) ||
      (this.window.flagsOf(index) & FLAG.END) !== 0 ||
      (((now | 0) - this.window.firstSentOf(index)) | 0) > this.params.rUs
    );`,
      },
    ],
  },
  {
    name: 'no-remnant',
    breaks: 'who has closed answers no copies: a lost last acknowledgement costs the peer its flow',
    requirement: 'R-FRCP-53',
    like: 'C7 W9',
    caughtBy: ['I22', 'I23', 'I18', 'I25', 'I11', 'I24'],
    patches: [
      {
        file: 'life-cycle.ts',
        find: 'this.timers.lingerAt = this.lingerUntil(now);\n  }\n\n  /**',
        replace: 'this.timers.lingerAt = now + this.params.aUs;\n  }\n\n  /**',
      },
    ],
  },
  {
    name: 'kept-after-close',
    breaks: 'what arrives after the own close becomes readable',
    requirement: 'R-FRCP-50',
    caughtBy: ['I6'],
    patches: [{ file: 'life-cycle.ts', find: 'this.rx.window.discarding = true;', replace: '' }],
  },
  {
    name: 'every-reset-believed',
    breaks: 'a guessed reset ends the flow',
    requirement: 'R-FRCP-54',
    caughtBy: ['I18'],
    patches: [
      {
        file: 'life-cycle.ts',
        find: 'if (!this.params.lowerReliable && !isBelievableReset(pci, this.tx, this.rx)) {',
        replace: 'if (false) {',
      },
    ],
  },
  {
    name: 'down-without-count',
    breaks: 'down does not tell how many messages are not acknowledged',
    requirement: 'R-FRCP-47',
    caughtBy: ['I24'],
    patches: [
      {
        file: 'life-cycle.ts',
        find: 'this.failure = { reason, unackedSdus: this.unackedSdus };',
        replace: 'this.failure = { reason, unackedSdus: 0 };',
      },
    ],
  },
  {
    name: 'folded-run-never-expires',
    breaks: "a folded connection forgets when the peer's run expires",
    requirement: 'R-FRCP-20',
    caughtBy: ['I8', 'I10', 'I15', 'I16', 'I5', 'I11'],
    profiles: ['small', 'long'],
    patches: [{ file: 'receiver.ts', find: 'this.expiresAt = was.expiresAt;', replace: '' }],
  },
  {
    name: 'folded-run-forgotten',
    breaks: 'a folded connection forgets that it has a run, and starts another',
    requirement: 'R-FRCP-20',
    caughtBy: ['I14'],
    profiles: ['small', 'long'],
    patches: [{ file: 'sender.ts', find: 'this.runStarted = was.runStarted;', replace: '' }],
  },
  {
    name: 'folded-credit-forgotten',
    breaks: 'a folded connection forgets how many bytes it has accepted',
    requirement: 'R-FRCP-20',
    caughtBy: ['I10', 'I20', 'I21'],
    profiles: ['small', 'long'],
    patches: [{ file: 'receiver.ts', find: 'window.acceptedBytes = was.acceptedBytes;', replace: '' }],
  },
  {
    name: 'folded-edge-forgotten',
    breaks: 'a folded connection forgets how far it may send',
    requirement: 'R-FRCP-20',
    caughtBy: ['I10', 'I21'],
    profiles: ['small', 'long'],
    patches: [{ file: 'sender.ts', find: 'window.edge = was.edge;', replace: '' }],
  },
  {
    name: 'folded-with-gaps',
    breaks: 'a connection folds itself over PDUs that it holds and has acknowledged',
    requirement: 'R-FRCP-20',
    caughtBy: ['I4', 'I8', 'I23', 'I22', 'I18', 'I11'],
    profiles: ['frcp', 'long'],
    patches: [
      {
        file: 'receive-window.ts',
        find: 'const isEmpty = this.queue.length === 0 && !this.hasGaps && !this.cutSdu;',
        replace: 'const isEmpty = this.queue.length === 0;',
      },
    ],
  },
];
