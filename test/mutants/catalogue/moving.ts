import type { Mutant } from '../mutant.ts';

/** Another lower flow; and lower flows that lose nothing. */
export const MOVING: readonly Mutant[] = [
  {
    name: 'move-forgets-old-life',
    breaks: 'after a move the life of PDUs on the old lower flow no longer counts',
    requirement: 'R-FRCP-70',
    caughtBy: ['I14', 'I15', 'I18'],
    patches: [
      {
        file: 'connection.ts',
        find: 'Math.max(this.times.mplUs, lower.mplUs)',
        replace: 'lower.mplUs',
      },
    ],
  },
  {
    name: 'move-starts-numbers-anew',
    breaks: 'a move draws new numbers',
    requirement: 'R-FRCP-70',
    caughtBy: ['I9', 'I14', 'I13'],
    patches: [
      {
        file: 'sender.ts',
        find: 'this.recovery?.moveTo(now, times);',
        replace: 'this.recovery?.moveTo(now, times);\n    this.runStarted = false;',
      },
    ],
  },
  {
    name: 'move-keeps-old-cut',
    breaks: 'what was cut for the old lower flow is sent on a narrower one',
    requirement: 'R-FRCP-70',
    caughtBy: ['I39', 'I13'],
    profiles: ['small'],
    patches: [
      {
        file: 'sender.ts',
        find: 'recut(window, times, this.params.stream);',
        replace: '',
      },
    ],
  },
  {
    name: 'move-without-segments',
    breaks: 'what was sent is sent again whole on a narrower lower flow',
    requirement: 'R-FRCP-73',
    caughtBy: ['I39'],
    profiles: ['small'],
    patches: [
      {
        file: 'recut.ts',
        find: 'window.retains && recutSent(window, times);',
        replace: 'false;',
      },
    ],
  },
  {
    name: 'segments-not-aligned',
    breaks: 'segments end anywhere, not at units of 8 bytes',
    requirement: 'R-FRCP-71',
    caughtBy: ['I40', 'I23'],
    profiles: ['small'],
    patches: [
      {
        file: 'recut.ts',
        find: 'const segmentMax = (times.payloadMaxBytes - SEGMENT_BYTES) & -SEGMENT_UNIT_BYTES;',
        replace: 'const segmentMax = (times.payloadMaxBytes - SEGMENT_BYTES - SEGMENT_UNIT_BYTES) | 1;',
      },
    ],
  },
  {
    name: 'segments-counted-twice',
    breaks: 'a segment that comes again counts as another one: the PDU is whole too early',
    requirement: 'R-FRCP-72',
    caughtBy: ['I2', 'I4', 'I8', 'I23', 'I18'],
    profiles: ['small'],
    patches: [
      { file: 'segment-store.ts', find: 'if ((this.have[unit >>> 3]! & bit) !== 0) continue;', replace: '' },
    ],
  },
  {
    name: 'segments-forgotten',
    breaks: 'the sender takes no notice of which segments have arrived',
    requirement: 'R-FRCP-76',
    caughtBy: ['I23', 'I18', 'I22'],
    profiles: ['small'],
    patches: [
      {
        file: 'sender.ts',
        find: 'if (window.retains) this.takeRanges(buf, pci);',
        replace: 'if (window.retains && pci.rangeBytes === RANGE_BYTES) this.takeRanges(buf, pci);',
      },
    ],
  },
  {
    name: 'segments-unanswered',
    breaks: 'a segment is not acknowledged, only the whole PDU',
    requirement: 'R-FRCP-76',
    caughtBy: ['I11', 'I23', 'I18', 'I22'],
    profiles: ['small'],
    patches: [
      {
        file: 'receiver.ts',
        find: 'if (!this.params.lowerReliable) this.ackNow = true;',
        replace: '',
      },
    ],
  },
  {
    name: 'segments-told-too-far',
    breaks: 'a range of segments goes on over what is missing between them',
    requirement: 'R-FRCP-76',
    caughtBy: ['I8'],
    profiles: ['small'],
    patches: [
      {
        file: 'segment-store.ts',
        find: 'const all = held ? 0xff : 0;',
        replace: 'const all = held ? 0xff : 0;\n    if (held) return this.units;',
      },
    ],
  },
  {
    name: 'segments-counted-in-pdus',
    breaks: 'after a move an acknowledgement of numbers is taken for one of segments',
    requirement: 'R-FRCP-73',
    caughtBy: ['I9', 'I8', 'I23', 'I10', 'I18', 'I22', 'I13', 'I14'],
    profiles: ['small'],
    patches: [
      {
        file: 'send-window.ts',
        find: 'return this.segments === null ? (number - this.base) | 0 : this.segments.indexOf(number);',
        replace: 'return (number - this.base) | 0;',
      },
    ],
  },
  {
    name: 'reliable-lower-flow-times-out',
    breaks: 'where nothing can be lost, a timeout sends again what was not kept',
    requirement: 'R-FRCP-48',
    caughtBy: ['I13', 'I2', 'I4', 'I22', 'I40', 'I23'],
    profiles: ['frcp'],
    patches: [
      {
        file: 'sender.ts',
        find: 'else if (recovery === null || this.params.lowerReliable) {',
        replace: 'else if (recovery === null) {',
      },
      {
        file: 'sender.ts',
        find: 'if (this.params.lowerReliable) this.timers.rtxAt = now + this.rendezvousDelay();',
        replace:
          'if (this.params.lowerReliable) this.timers.rtxAt = now + (this.recovery?.rtoUs ?? this.rendezvousDelay());',
      },
    ],
  },
];
