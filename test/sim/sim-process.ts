import { Action, type EventQueue } from './event-queue.ts';
import type { HostClock } from './host-clock.ts';

/** What waits for a process that stalls; beyond that its socket drops. */
const INBOX_MAX = 512;

/** What has a process: it takes packets in, and is told when the process runs again. */
export interface Resident {
  take(pdu: Uint8Array): void;
  /** Before it takes in what has waited. */
  onAwake(): void;
  /** And after that: its timers. */
  runTimers(): void;
}

/** One process of a simulated host: it may stall, be suspended with its host, or die. */
export class SimProcess {
  readonly name: string;
  readonly clock: HostClock;
  readonly residents: Resident[] = [];
  isAlive = true;
  /** Its host is off: what arrives is lost. */
  isSuspended = false;
  stalledUntilUs = 0;
  stalls = 0;
  suspensions = 0;
  /** Its clock has stood still: it knows less time to have passed than has. */
  clockStoodStill = false;
  inboxDrops = 0;
  /** Nothing may be lost on the way in. */
  readonly #lossless: boolean;
  readonly #queue: EventQueue;
  #clockStoppedAtUs = -1;
  readonly #waiting: (() => void)[] = [];
  readonly #inbox: { readonly to: Resident; readonly pdu: Uint8Array }[] = [];

  constructor(name: string, clock: HostClock, queue: EventQueue, lossless: boolean) {
    this.name = name;
    this.clock = clock;
    this.#queue = queue;
    this.#lossless = lossless;
  }

  isStalled(nowUs: number): boolean {
    return nowUs < this.stalledUntilUs;
  }

  /** A packet for one of its residents comes out of the network. */
  deliver(nowUs: number, to: Resident, pdu: Uint8Array): void {
    if (!this.isAlive || this.isSuspended) return;
    if (!this.isStalled(nowUs)) to.take(pdu);
    else if (this.#lossless || this.#inbox.length < INBOX_MAX) this.#inbox.push({ to, pdu });
    else this.inboxDrops += 1;
  }

  /** It does nothing for so long; packets wait. */
  stall(nowUs: number, forUs: number): void {
    const untilUs = nowUs + forUs;
    if (!this.isAlive || untilUs <= this.stalledUntilUs) return;
    this.stalls += 1;
    this.stalledUntilUs = untilUs;
    this.#queue.add(untilUs, new Action(() => this.#wake(untilUs)));
  }

  /** Its host is off for so long, and so may be its clock. */
  suspend(nowUs: number, forUs: number, stopsClock: boolean): void {
    if (!this.isAlive || this.isStalled(nowUs)) return;
    this.isSuspended = true;
    this.suspensions += 1;
    if (stopsClock) this.#clockStoppedAtUs = nowUs;
    this.stall(nowUs, forUs);
  }

  /** Does it now, or once the process runs again; never if it dies before. */
  whenAwake(nowUs: number, run: () => void): void {
    if (!this.isAlive) return;
    if (this.isStalled(nowUs)) this.#waiting.push(run);
    else run();
  }

  /** Whatever it was to wait for is over. */
  wakeNow(nowUs: number): void {
    if (!this.isStalled(nowUs)) return;
    this.stalledUntilUs = nowUs;
    this.#wake(nowUs);
  }

  die(): void {
    this.isAlive = false;
    this.#inbox.length = 0;
  }

  /** Packets that waited first, then timers. */
  #wake(untilUs: number): void {
    if (this.stalledUntilUs !== untilUs || !this.isAlive) return;
    this.isSuspended = false;
    if (this.#clockStoppedAtUs >= 0) {
      this.clock.stoodStill(untilUs - this.#clockStoppedAtUs);
      this.clockStoodStill = true;
      this.#clockStoppedAtUs = -1;
    }
    for (const resident of this.residents) resident.onAwake();
    for (const { to, pdu } of this.#inbox.splice(0)) to.take(pdu);
    for (const resident of this.residents) resident.runTimers();
    for (const run of this.#waiting.splice(0)) run();
  }
}
