import type { Mutant } from '../mutant.ts';

/** Run timers, the run flag, and what makes or ends a run. */
export const RUNS: readonly Mutant[] = [
  {
    name: 'receiver-timer-one-dt',
    breaks: 'the receiver forgets a run after dt, not 2 dt',
    requirement: 'R-FRCP-20',
    caughtBy: ['I15'],
    patches: [
      {
        file: 'params.ts',
        find: 'const receiverTimerUs = 2 * dtUs;',
        replace: 'const receiverTimerUs = dtUs;',
      },
    ],
  },
  {
    name: 'timers-in-whole-seconds',
    breaks: 'run timers lose what is below a second',
    requirement: 'R-FRCP-20',
    like: 'C11 W6',
    caughtBy: ['I14', 'I15'],
    patches: [
      {
        file: 'params.ts',
        find: 'const receiverTimerUs = 2 * dtUs;',
        replace: 'const receiverTimerUs = Math.floor((2 * dtUs) / 1e6) * 1e6;',
      },
    ],
  },
  {
    name: 'sender-timer-without-margin',
    breaks: 'St is Rt + MPL: the peer may still know the run',
    requirement: 'R-FRCP-20',
    like: 'C11 W6',
    caughtBy: ['I14', 'I16'],
    profiles: ['long', 'frcp'],
    patches: [
      {
        file: 'params.ts',
        find: 'senderTimerUs: Math.max(3 * dtUs, Math.ceil(needed))',
        replace: 'senderTimerUs: receiverTimerUs + mplUs',
      },
    ],
  },
  {
    name: 'sender-timer-from-first-number',
    breaks: 'St runs from the first number of a run, not from the last',
    requirement: 'R-FRCP-21',
    caughtBy: ['I14'],
    profiles: ['long', 'frcp'],
    patches: [
      {
        file: 'sender.ts',
        find: 'this.newRunAt = now + this.times.senderTimerUs;',
        replace:
          'if (this.newRunAt < now || this.newRunAt === NEVER) this.newRunAt = now + this.times.senderTimerUs;',
      },
    ],
  },
  {
    name: 'acknowledgement-restarts-run',
    breaks: 'Rt is restarted by acknowledgements too',
    requirement: 'R-FRCP-31',
    like: 'C3 W2',
    caughtBy: ['I15'],
    patches: [
      {
        file: 'connection.ts',
        find: 'if ((flags & FLAG.ACK) !== 0) this.onAck(now, buf);',
        replace: `if ((flags & FLAG.ACK) !== 0) {
      if (this.rx !== null) this.rx.expiresAt = now + this.times.receiverTimerUs;
      this.onAck(now, buf);
    }`,
      },
    ],
  },
  {
    name: 'copy-restarts-run',
    breaks: 'Rt is restarted by copies and refused data',
    requirement: 'R-FRCP-31',
    like: 'W2',
    caughtBy: ['I15'],
    patches: [
      {
        file: 'receiver.ts',
        find: 'this.onRefused(now, acceptance);',
        replace: 'this.expiresAt = now + times.receiverTimerUs;\n    this.onRefused(now, acceptance);',
      },
    ],
  },
  {
    name: 'first-run-without-flag',
    breaks: 'any data PDU opens the first run, so that a lost first PDU is never missed',
    requirement: 'R-FRCP-30',
    caughtBy: ['I17', 'I2'],
    patches: [
      { file: 'connection.ts', find: 'if ((incoming.flags & FLAG.DRF) === 0) {', replace: 'if (false) {' },
    ],
  },
  {
    name: 'next-run-without-flag',
    breaks: 'any data PDU opens a run once the last one is over',
    requirement: 'R-FRCP-31',
    caughtBy: ['I17', 'I5', 'I2'],
    profiles: ['small', 'long'],
    patches: [
      {
        file: 'receiver.ts',
        find: 'if ((pci.flags & FLAG.DRF) === 0 || late || window.ended) {',
        replace: 'if (late || window.ended) {',
      },
    ],
  },
  {
    name: 'acknowledgement-opens-run',
    breaks: 'a bare acknowledgement makes receiving state, and the first reply is out of window',
    requirement: 'R-FRCP-30',
    like: 'C1 C2',
    caughtBy: ['I17', 'I2', 'I8', 'I11', 'I23'],
    patches: [
      {
        file: 'connection.ts',
        find: 'if ((flags & FLAG.ACK) !== 0) this.onAck(now, buf);',
        replace: 'if ((flags & FLAG.ACK) !== 0) (this.rx ??= this.newReceiver(), this.onAck(now, buf));',
      },
    ],
  },
  {
    name: 'rendezvous-opens-run',
    breaks: 'a rendez-vous makes a run',
    requirement: 'R-FRCP-39',
    caughtBy: ['I17'],
    profiles: ['small', 'long'],
    patches: [
      {
        file: 'connection.ts',
        find: 'this.echoSeq = incoming.seq;',
        replace: 'this.echoSeq = incoming.seq;\n    (this.rx ??= this.newReceiver()).openRun(incoming.seq);',
      },
    ],
  },
  {
    name: 'run-flag-on-first-only',
    breaks: 'the run flag is on the first number ever, not on each that leaves with nothing unacknowledged',
    requirement: 'R-FRCP-21',
    caughtBy: ['I14'],
    patches: [
      {
        file: 'send-window.ts',
        find: 'if (this.nxt === this.una) this.meta[at + INFO]! |= FLAG.DRF;',
        replace: 'if (this.nxt === 0) this.meta[at + INFO]! |= FLAG.DRF;',
      },
    ],
  },
  {
    name: 'run-flag-always',
    breaks: 'every number carries the run flag',
    requirement: 'R-FRCP-21',
    caughtBy: ['I14'],
    patches: [
      {
        file: 'send-window.ts',
        find: 'if (this.nxt === this.una) this.meta[at + INFO]! |= FLAG.DRF;',
        replace: 'this.meta[at + INFO]! |= FLAG.DRF;',
      },
    ],
  },
  {
    name: 'run-flag-redrawn',
    breaks: 'a copy of the oldest PDU gets a run flag that the first copy had not',
    requirement: 'R-FRCP-44',
    caughtBy: ['I13'],
    patches: [
      {
        file: 'connection.ts',
        find: 'pci.flags = FLAG.DATA | window.flagsOf(index);',
        replace: 'pci.flags = FLAG.DATA | window.flagsOf(index) | (index === window.una ? FLAG.DRF : 0);',
      },
    ],
  },
  {
    name: 'run-numbers-overlap',
    breaks: 'the first number of a run may lie among those of the run before',
    requirement: 'R-FRCP-22',
    caughtBy: ['I13', 'I5', 'I23'],
    profiles: ['long', 'frcp'],
    patches: [
      {
        file: 'sender.ts',
        find: 'if (this.runStarted && Math.abs((first - last) | 0) < RUN_DISTANCE) first ^= 0x8000_0000;',
        replace: 'if (this.runStarted && Math.abs((first - last) | 0) < 1) first ^= 0x8000_0000;',
      },
    ],
  },
  {
    name: 'run-expires-on-reliable-lower-flow',
    breaks: 'where a PDU may wait for any time, the receiver forgets the run all the same',
    requirement: 'R-FRCP-23',
    caughtBy: ['I2', 'I23', 'I11', 'I15', 'I17'],
    profiles: ['frcp'],
    patches: [
      {
        file: 'receiver.ts',
        find: 'return now >= this.expiresAt && !this.params.lowerReliable;',
        replace: 'return now >= this.expiresAt;',
      },
    ],
  },
  {
    name: 'run-starts-on-reliable-lower-flow',
    breaks: 'where a PDU may wait for any time, the sender starts a new run all the same',
    requirement: 'R-FRCP-23',
    caughtBy: ['I14'],
    profiles: ['long', 'small'],
    patches: [
      {
        file: 'sender.ts',
        find: 'if (this.runStarted && (lowerReliable || wire !== null || now < this.newRunAt)) return;',
        replace: 'if (this.runStarted && (wire !== null || now < this.newRunAt)) return;',
      },
    ],
  },
];
