import type { EndErrno, SlabUse } from '@flowring/channel';
import { CLEAN_END } from '@flowring/channel';
import { createLogger, errnoOf } from '@flowring/common';
import type { FrcpEvent, FrcpParams } from '@flowring/frcp';
import { FrcpConnection } from '@flowring/frcp';
import type { FlowHost, FlowSeed } from './flow-host.ts';
import { BaseFlow, WRITE } from './flow-base.ts';
import type { WriteOutcome } from './flow-types.ts';
import type { FrcpDriver, Pumped } from './frcp-driver.ts';

const log = createLogger('libdev');

/** A host whose flows may run FRCP. */
export interface FrcpHost extends FlowHost {
  readonly driver: FrcpDriver;
}

let filling: FrcpConnection;
let fillingUs = 0;
let filledBytes = 0;
/** Has the connection write its next PDU where the channel wants it. One function for all flows. */
const fill = (target: Uint8Array, offset: number): number =>
  (filledBytes = filling.pollTransmit(fillingUs, target, offset));

let passing: Uint8Array;
/** Has the connection write this SDU as a PDU. */
const fillPassing = (target: Uint8Array, offset: number): number =>
  filling.pass(fillingUs, passing, target, offset);
const NOTHING = new Uint8Array(0);

/** Bits of a flow's state: no room in FRCP's window, or in the channel. */
const WINDOW_FULL = 1;
const CHANNEL_FULL = 2;
/** Nothing carries the flow any more. */
const LOWER_ENDED = 4;
/** The peer left with all we wrote, though it did not say so by an acknowledgement that arrived. */
const PEER_HAS_ALL = 8;
/** Among those that the host asks to give up slabs. */
const LISTED = 16;

/** A flow with FRCP on it. The connection outlives what carries it. */
export class FrcpFlow extends BaseFlow implements Pumped {
  heapIndex = -1;
  deadlineUs = 0;
  touched = false;
  declare protected readonly host: FrcpHost;
  readonly #connection: FrcpConnection;
  #state = 0;
  /** Messages lost when the connection failed. */
  #lostSdus = 0;

  constructor(host: FrcpHost, seed: FlowSeed, params: FrcpParams) {
    super(host, seed);
    this.#connection = new FrcpConnection(params, host.driver.now());
  }

  override get messageMaxBytes(): number {
    return this.#connection.params.sduMaxBytes;
  }

  override get rxQueueLength(): number {
    return this.#connection.readableSdus + this.restMessages;
  }

  override onMessage(slab: Buffer, start: number, end: number, use: SlabUse): void {
    this.#connection.handlePdu(this.host.driver.now(), slab, start, end);
    if (this.#connection.holdsBuffers) use.isKept = true;
    this.port!.consumed(end - start);
    if (this.readers !== null) this.takeEvents();
    this.host.driver.touch(this);
  }

  override pathChanged(mtuBytes: number): void {
    if (this.isClosed || mtuBytes === this.#connection.mtuBytes) return;
    this.#connection.changeMtu(this.host.driver.now(), mtuBytes);
    this.host.driver.touch(this);
  }

  override onWritable(): void {
    this.#state &= ~CHANNEL_FULL;
    this.host.driver.touch(this);
  }

  override onEnd(errno: EndErrno): void {
    this.#state |= LOWER_ENDED;
    this.takeEvents();
    if (this.isLeaving) {
      if (errno === CLEAN_END) this.#state |= PEER_HAS_ALL;
      this.drained();
    }
    // A peer that leaves without FRCP's end marker left something unsaid.
    else this.ended(errno === CLEAN_END ? errnoOf('FLOWRING_FLOW_DOWN') : errno);
  }

  timedOut(nowUs: number): void {
    this.#connection.handleTimeout(nowUs);
  }

  pump(nowUs: number): number {
    if (this.isClosed) return Infinity;
    this.takeEvents();
    this.transmit(nowUs);
    if (this.isClosed) return Infinity;
    if ((this.#state & LISTED) === 0 && this.#connection.holdsBuffers) {
      this.#state |= LISTED;
      this.host.holdsSlabs(this);
    }
    return (this.#state & LOWER_ENDED) !== 0 ? Infinity : (this.#connection.nextTimeout() ?? Infinity);
  }

  override compact(): void {
    this.#state &= ~LISTED;
    this.#connection.compact();
  }

  override inspectTransport(): Readonly<Record<string, unknown>> {
    return {
      service: this.#connection.params.reliable ? 'reliable' : 'ordered',
      inFlightBytes: this.port?.inFlightBytes ?? 0,
      frcp: this.#connection.inspect(),
      frcpStats: { ...this.#connection.stats },
    };
  }

  protected override take(): Buffer | null {
    const sdu = this.#connection.read();
    if (sdu === null) return null;
    this.taken();
    return sdu as Buffer;
  }

  protected override takeInto(target: Uint8Array): number {
    const bytes = this.#connection.readInto(target);
    this.taken();
    return bytes;
  }

  private taken(): void {
    this.host.driver.used();
    // The window has opened: the peer is told at the end of this turn.
    if (this.#connection.ackDue) this.host.driver.touch(this);
  }

  protected override nextBytes(): number {
    return this.#connection.nextBytes;
  }

  protected override put(message: Uint8Array): WriteOutcome {
    if (this.pass(message)) return 'sent';
    const outcome = this.#connection.write(this.host.driver.now(), message);
    if (outcome === 'queued') {
      this.host.driver.used();
      this.host.driver.touch(this);
      return 'sent';
    }
    if (outcome === 'would-block') this.#state |= WINDOW_FULL;
    return outcome;
  }

  /** Sends a message from the caller's memory straight into the channel, if nothing waits before it. */
  private pass(message: Uint8Array): boolean {
    if ((this.#state & (CHANNEL_FULL | LOWER_ENDED)) !== 0) return false;
    const connection = this.#connection;
    const nowUs = this.host.driver.now();
    const pduBytes = connection.passingBytes(nowUs, message.length);
    if (pduBytes === 0) return false;
    filling = connection;
    fillingUs = nowUs;
    passing = message;
    const outcome = this.port!.trySendWith(pduBytes, fillPassing);
    passing = NOTHING;
    if (outcome === 'would-block') this.#state |= CHANNEL_FULL;
    if (outcome !== 'sent') return false;
    if (this.heapIndex < 0 || this.hasArmed(connection)) this.host.driver.touch(this);
    return true;
  }

  /** Only the first of what is not acknowledged arms a timer. */
  private hasArmed(connection: FrcpConnection): boolean {
    return connection.unackedSdus <= 1 && (connection.nextTimeout() ?? Infinity) < this.deadlineUs;
  }

  protected override canPut(): boolean {
    return (this.#state & WINDOW_FULL) === 0;
  }

  protected override startDrain(): boolean {
    if ((this.#state & LOWER_ENDED) !== 0) return true;
    const nowUs = this.host.driver.now();
    this.#connection.close(nowUs);
    this.transmit(nowUs);
    if (this.#connection.isClosed) return true;
    this.host.driver.touch(this);
    return false;
  }

  protected override undelivered(): number {
    let count = (this.#state & PEER_HAS_ALL) !== 0 ? 0 : this.#connection.unackedSdus + this.#lostSdus;
    for (let at = this.writers?.head ?? null; at !== null; at = at.next) if (at.kind === WRITE) count++;
    return count;
  }

  protected override get hasAllOfPeer(): boolean {
    const { params, peerEnded } = this.#connection;
    // The C prototype's format has no end marker.
    return peerEnded || params.wire !== null;
  }

  protected override beforeEnd(clean: boolean): void {
    if (clean && (this.#state & LOWER_ENDED) === 0) this.transmit(this.host.driver.now());
    this.host.driver.drop(this);
  }

  protected override get lingerMaxMs(): number {
    const { rUs, mplUs, aUs } = this.#connection.params;
    return (rUs + 2 * mplUs + aUs) / 1_000;
  }

  private takeEvents(): void {
    const connection = this.#connection;
    for (let event = connection.pollEvent(); event !== null; event = connection.pollEvent()) {
      this.onEvent(event);
    }
  }

  private onEvent(event: FrcpEvent): void {
    switch (event.type) {
      case 'readable':
        if (!this.isLeaving) this.serveReaders();
        break;
      case 'writable':
        this.#state &= ~WINDOW_FULL;
        this.serveWriters();
        break;
      case 'end':
        // While both ends leave at once, ours still waits for its acknowledgements.
        if (!this.isLeaving) this.ended(event.clean ? CLEAN_END : errnoOf('FLOWRING_FLOW_DOWN'));
        break;
      case 'down':
        log('FRCP of flow %d: %s, %d messages not acknowledged', this.id, event.reason, event.unackedSdus);
        this.#lostSdus = event.unackedSdus;
        this.#state |= LOWER_ENDED;
        this.drained();
        if (!this.isLeaving) {
          this.ended(errnoOf(event.reason === 'gave-up' ? 'FLOWRING_PEER_GONE' : 'FLOWRING_FLOW_DOWN'));
        }
        break;
      case 'closed':
        this.drained();
        break;
      case 'drained':
    }
  }

  private transmit(nowUs: number): void {
    if ((this.#state & (CHANNEL_FULL | LOWER_ENDED)) !== 0) return;
    filling = this.#connection;
    fillingUs = nowUs;
    for (;;) {
      filledBytes = 0;
      const outcome = this.port!.trySendWith(this.#connection.mtuBytes, fill);
      if (outcome === 'would-block') this.#state |= CHANNEL_FULL;
      if (outcome !== 'sent' || filledBytes === 0) return;
    }
  }
}
