import { FrcpStats } from './stats.ts';
import type { InstantUs } from './time.ts';

/** What a sender with nothing queued has to remember. Numbers of PDUs and bytes are signed 32-bit. */
export interface DormantSender {
  readonly index: number;
  readonly pos: number;
  readonly edge: number;
  readonly edgePos: number;
  readonly base: number;
  readonly runStarted: boolean;
  readonly newRunAt: InstantUs;
  readonly srttUs: number;
  readonly rttvarUs: number;
  readonly minUs: number;
}

/** What a receiver with nothing held and nothing to acknowledge has to remember. */
export interface DormantReceiver {
  readonly next: number;
  readonly base: number;
  readonly acceptedBytes: number;
  readonly edge: number;
  readonly edgeBytes: number;
  readonly limitBytes: number;
  readonly expiresAt: InstantUs;
  readonly lastAckAt: InstantUs;
}

/** The halves of a connection with nothing to do, and what it has counted. */
export interface Dormant {
  readonly tx: DormantSender | null;
  readonly rx: DormantReceiver | null;
  readonly stats: FrcpStats;
}

const COUNTERS = Object.keys(new FrcpStats()) as (keyof FrcpStats)[];

let codes: number[] = [];
let text = '';
let at = 0;

/**
 * Numbers as text, seven bits a character: most are small, and a string costs a byte for each where an object costs
 * eight for each field and sixteen more for one that is no small integer. So an idle connection is a fifth of one awake.
 */
export function fold({ tx, rx, stats }: Dormant): string {
  codes = [];
  put(tx === null ? 0 : 1);
  if (tx !== null) {
    for (const n of [tx.index, tx.pos, tx.edge, tx.edgePos, tx.base]) put(n >>> 0);
    put(tx.runStarted ? 1 : 0);
    for (const time of [tx.newRunAt, tx.srttUs, tx.rttvarUs, tx.minUs]) putTime(time);
  }
  put(rx === null ? 0 : 1);
  if (rx !== null) {
    for (const n of [rx.next, rx.base, rx.acceptedBytes, rx.edge, rx.edgeBytes, rx.limitBytes]) put(n >>> 0);
    putTime(rx.expiresAt);
    putTime(rx.lastAckAt);
  }
  const left = counted(stats);
  for (let i = 0; i < left; i++) put(stats[COUNTERS[i]!]);
  return String.fromCharCode(...codes);
}

export function unfold(folded: string): Dormant {
  text = folded;
  at = 0;
  const tx = take() === 0 ? null : takeSender();
  const rx = take() === 0 ? null : takeReceiver();
  const stats = new FrcpStats();
  for (let i = 0; at < text.length; i++) stats[COUNTERS[i]!] = take();
  return { tx, rx, stats };
}

function takeSender(): DormantSender {
  return {
    index: take() | 0,
    pos: take() | 0,
    edge: take() | 0,
    edgePos: take() | 0,
    base: take() | 0,
    runStarted: take() === 1,
    newRunAt: takeTime(Infinity),
    srttUs: takeTime(NaN),
    rttvarUs: takeTime(NaN),
    minUs: takeTime(Infinity),
  };
}

function takeReceiver(): DormantReceiver {
  return {
    next: take() | 0,
    base: take() | 0,
    acceptedBytes: take() | 0,
    edge: take() | 0,
    edgeBytes: take() | 0,
    limitBytes: take(),
    expiresAt: takeTime(Infinity),
    lastAckAt: takeTime(-Infinity),
  };
}

/** The counters up to the last that counted anything. */
function counted(stats: FrcpStats): number {
  let left = COUNTERS.length;
  while (left > 0 && stats[COUNTERS[left - 1]!] === 0) left--;
  return left;
}

function put(n: number): void {
  let rest = n;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) codes.push(0x80 | (rest & 0x7f));
  codes.push(rest);
}

/** Rounded up; none that is finite is 0. */
function putTime(us: number): void {
  put(Number.isFinite(us) ? Math.ceil(us) + 1 : 0);
}

function take(): number {
  let n = 0;
  for (let unit = 1; ; unit *= 0x80) {
    const code = text.charCodeAt(at++);
    n += (code & 0x7f) * unit;
    if (code < 0x80) return n;
  }
}

function takeTime(none: number): number {
  const n = take();
  return n === 0 ? none : n - 1;
}
