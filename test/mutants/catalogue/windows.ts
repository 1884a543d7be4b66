import type { Mutant } from '../mutant.ts';

/** Flow control: what is granted, what is used of it, and how a closed window opens again. */
export const WINDOWS: readonly Mutant[] = [
  {
    name: 'edge-goes-back',
    breaks: "an old edge takes the sender's window back",
    requirement: 'R-FRCP-34',
    like: 'C10 W4',
    caughtBy: ['I10'],
    patches: [
      {
        file: 'sender.ts',
        find: 'if (((edge - window.edge) | 0) > 0) window.edge = edge;',
        replace: 'window.edge = edge;',
      },
    ],
  },
  {
    name: 'credit-goes-back',
    breaks: "an old credit takes the sender's window back",
    requirement: 'R-FRCP-34',
    like: 'C10 W4',
    caughtBy: ['I10'],
    patches: [
      {
        file: 'sender.ts',
        find: 'if (((edgePos - window.edgePos) | 0) > 0) window.edgePos = edgePos;',
        replace: 'window.edgePos = edgePos;',
      },
    ],
  },
  {
    name: 'grant-taken-back',
    breaks: 'the receiver takes credit back when an SDU becomes readable',
    requirement: 'R-FRCP-35',
    like: 'W4',
    caughtBy: ['I10'],
    patches: [
      {
        file: 'receive-window.ts',
        find: 'if (((edgeBytes - this.edgeBytes) | 0) > 0) this.edgeBytes = edgeBytes;',
        replace: 'this.edgeBytes = edgeBytes;',
      },
    ],
  },
  {
    name: 'window-beyond-the-reader',
    breaks: 'the receiver grants twice as much more as the program reads',
    requirement: 'R-FRCP-110',
    caughtBy: ['I20'],
    patches: [
      {
        file: 'receive-window.ts',
        find: 'Math.min(windowBytes, this.limitBytes + bytes);',
        replace: 'Math.min(windowBytes, this.limitBytes + 2 * bytes);',
      },
    ],
  },
  {
    name: 'window-never-wider',
    breaks: 'a program that reads is granted no more than at first',
    requirement: 'R-FRCP-110',
    caughtBy: ['I21'],
    patches: [
      {
        file: 'receive-window.ts',
        find: 'if (this.limitBytes < windowBytes) this.limitBytes',
        replace: 'if (this.limitBytes < 0) this.limitBytes',
      },
    ],
  },
  {
    name: 'edge-one-too-far',
    breaks: 'the PDU on the edge is sent',
    requirement: 'R-FRCP-34',
    caughtBy: ['I20'],
    patches: [
      {
        file: 'send-window.ts',
        find: 'return ahead < 0 && ((this.meta[at + POS]!',
        replace: 'return ahead <= 0 && ((this.meta[at + POS]!',
      },
    ],
  },
  {
    name: 'credit-ignored',
    breaks: 'the sender heeds the edge only, not the credit in bytes',
    requirement: 'R-FRCP-35',
    caughtBy: ['I20'],
    patches: [
      {
        file: 'send-window.ts',
        find: 'return ahead < 0 && ((this.meta[at + POS]! + (info >>> LENGTH_SHIFT) - this.edgePos) | 0) <= 0;',
        replace: 'return ahead < 0;',
      },
    ],
  },
  {
    name: 'unread-messages-not-counted',
    breaks: 'the receiver grants as if everything had been read',
    requirement: 'R-FRCP-35',
    caughtBy: ['I20'],
    patches: [
      {
        file: 'receive-window.ts',
        find: 'const held = this.discarding ? 0 : this.queue.length;',
        replace: 'const held = 0;',
      },
    ],
  },
  {
    name: 'unread-bytes-not-counted',
    breaks: 'the receiver grants bytes as if everything had been read',
    requirement: 'R-FRCP-36',
    caughtBy: ['I20'],
    patches: [
      {
        file: 'receive-window.ts',
        find: 'const held = this.queue.heldBytes;',
        replace: 'const held = 0;',
      },
    ],
  },
  {
    name: 'reading-tells-nobody',
    breaks: 'the room that reading makes is told only when something else is',
    requirement: 'R-FRCP-37',
    caughtBy: ['I21'],
    patches: [
      {
        file: 'receiver.ts',
        find: 'if (sdu !== null) this.onRead(sdu.length);',
        replace: '',
      },
    ],
  },
  {
    name: 'rendezvous-never-asked',
    breaks: 'a sender before a closed window waits for ever',
    requirement: 'R-FRCP-38',
    caughtBy: ['I21', 'I23'],
    patches: [
      {
        file: 'sender.ts',
        find: 'if (this.window.una !== this.window.nxt || this.timers.rendezvousAt !== NEVER) return;',
        replace: 'if (this.timers.rendezvousAt > 0) return;',
      },
    ],
  },
  {
    name: 'rendezvous-given-up',
    breaks: 'after three unanswered probes the sender asks no more',
    requirement: 'R-FRCP-38',
    caughtBy: ['I21', 'I23'],
    profiles: ['small'],
    patches: [
      {
        file: 'sender.ts',
        find: 'if (this.window.una !== this.window.nxt || this.timers.rendezvousAt !== NEVER) return;',
        replace:
          'if (this.window.una !== this.window.nxt || this.timers.rendezvousAt !== NEVER || this.rendezvousCount > 2) return;',
      },
    ],
  },
  {
    name: 'rendezvous-not-answered',
    breaks: 'a receiver with a run gives no answer to a rendez-vous',
    requirement: 'R-FRCP-39',
    caughtBy: ['I21', 'I23'],
    patches: [
      {
        file: 'connection.ts',
        find: '!rx.runOver(now))) {\n      rx.ackNow = true;',
        replace: '!rx.runOver(now))) {',
      },
    ],
  },
  {
    name: 'rendezvous-answered-with-old-numbers',
    breaks:
      'a receiver that forgot the run answers with what it acknowledged last, not with the number asked',
    requirement: 'R-FRCP-39',
    caughtBy: ['I8', 'I21', 'I23', 'I17'],
    profiles: ['long', 'frcp'],
    patches: [
      {
        file: 'stateless-answers.ts',
        find: 'pci.ack = seq;',
        replace: 'pci.ack = rx === null ? 0 : rx.window.next;',
      },
    ],
  },
  {
    name: 'rendezvous-answered-with-old-edge',
    breaks: 'a receiver that forgot the run answers with the edge of that run',
    requirement: 'R-FRCP-39',
    caughtBy: ['I21', 'I23', 'I20', 'I10'],
    profiles: ['long', 'frcp'],
    patches: [
      {
        file: 'stateless-answers.ts',
        find: 'pci.edge = (seq + rx.window.edge - rx.window.next) | 0;',
        replace: 'pci.edge = rx.window.edge;',
      },
    ],
  },
  {
    name: 'queue-without-bound',
    breaks: 'a write is never refused for its bytes',
    requirement: 'R-FRCP-36',
    caughtBy: ['I39'],
    patches: [
      {
        file: 'sender.ts',
        find: 'if (window.queuedBytes + bytes > this.roomBytes && !this.widenRoom(bytes)) return false;',
        replace: '',
      },
    ],
  },
];
