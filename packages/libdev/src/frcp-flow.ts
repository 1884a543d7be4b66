import type { EndErrno, SlabUse } from '@flowring/channel';
import { CLEAN_END } from '@flowring/channel';
import { errnoOf } from '@flowring/common';
import type { FrcpEvent, FrcpParams } from '@flowring/frcp';
import { FrcpConnection } from '@flowring/frcp';
import type { FlowHost, FlowSeed } from './flow-host.ts';
import { BaseFlow, WRITE } from './flow-base.ts';
import type { WriteOutcome } from './flow-types.ts';
import type { FrcpDriver, Pumped } from './frcp-driver.ts';

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

/** A flow with FRCP on it. The connection outlives what carries it. */
export class FrcpFlow extends BaseFlow implements Pumped {
  heapIndex = -1;
  deadlineUs = 0;
  touched = false;
  readonly #connection: FrcpConnection;
  readonly #driver: FrcpDriver;
  /** Largest PDU that the path carries now. */
  #mtuBytes: number;
  #windowFull = false;
  #channelFull = false;
  #lowerEnded = false;
  /** The peer left with all we wrote, though it did not say so by an acknowledgement that arrived. */
  #peerHasAll = false;
  /** Messages lost when the connection failed. */
  #lostSdus = 0;
  #listed = false;

  constructor(host: FrcpHost, seed: FlowSeed, params: FrcpParams) {
    super(host, seed);
    this.#driver = host.driver;
    this.#connection = new FrcpConnection(params, host.driver.now());
    this.#mtuBytes = params.mtuBytes;
  }

  override get messageMaxBytes(): number {
    return this.#connection.params.sduMaxBytes;
  }

  override get rxQueueLength(): number {
    return this.#connection.readableSdus + this.restMessages;
  }

  override onMessage(slab: Buffer, start: number, end: number, use: SlabUse): void {
    this.#connection.handlePdu(this.#driver.now(), slab, start, end);
    if (this.#connection.holdsBuffers) use.isKept = true;
    this.port!.consumed(end - start);
    if (this.readers !== null) this.#takeEvents();
    this.#driver.touch(this);
  }

  override pathChanged(mtuBytes: number): void {
    if (this.isClosed || mtuBytes === this.#mtuBytes) return;
    this.#mtuBytes = mtuBytes;
    this.#connection.changeMtu(this.#driver.now(), mtuBytes);
    this.#driver.touch(this);
  }

  override onWritable(): void {
    this.#channelFull = false;
    this.#driver.touch(this);
  }

  override onEnd(errno: EndErrno): void {
    this.#lowerEnded = true;
    this.#takeEvents();
    if (this.isLeaving) {
      this.#peerHasAll = errno === CLEAN_END;
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
    this.#takeEvents();
    this.#transmit(nowUs);
    if (this.isClosed) return Infinity;
    if (!this.#listed && this.#connection.holdsBuffers) {
      this.#listed = true;
      this.host.holdsSlabs(this);
    }
    return this.#lowerEnded ? Infinity : (this.#connection.nextTimeout() ?? Infinity);
  }

  override compact(): void {
    this.#listed = false;
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
    this.#taken();
    return sdu as Buffer;
  }

  protected override takeInto(target: Uint8Array): number {
    const bytes = this.#connection.readInto(target);
    this.#taken();
    return bytes;
  }

  #taken(): void {
    this.#driver.used();
    // The window has opened: the peer is told at the end of this turn.
    if (this.#connection.ackDue) this.#driver.touch(this);
  }

  protected override nextBytes(): number {
    return this.#connection.nextBytes;
  }

  protected override put(message: Uint8Array): WriteOutcome {
    if (this.#pass(message)) return 'sent';
    const outcome = this.#connection.write(this.#driver.now(), message);
    if (outcome === 'queued') {
      this.#driver.used();
      this.#driver.touch(this);
      return 'sent';
    }
    if (outcome === 'would-block') this.#windowFull = true;
    return outcome;
  }

  /** Sends a message from the caller's memory straight into the channel, if nothing waits before it. */
  #pass(message: Uint8Array): boolean {
    if (this.#channelFull || this.#lowerEnded) return false;
    const connection = this.#connection;
    const nowUs = this.#driver.now();
    const pduBytes = connection.passingBytes(nowUs, message.length);
    if (pduBytes === 0) return false;
    filling = connection;
    fillingUs = nowUs;
    passing = message;
    const outcome = this.port!.trySendWith(pduBytes, fillPassing);
    passing = NOTHING;
    if (outcome === 'would-block') this.#channelFull = true;
    if (outcome !== 'sent') return false;
    if (this.heapIndex < 0 || (connection.nextTimeout() ?? Infinity) < this.deadlineUs) {
      this.#driver.touch(this);
    }
    return true;
  }

  protected override canPut(): boolean {
    return !this.#windowFull;
  }

  protected override startDrain(): boolean {
    if (this.#lowerEnded) return true;
    const nowUs = this.#driver.now();
    this.#connection.close(nowUs);
    this.#transmit(nowUs);
    if (this.#connection.isClosed) return true;
    this.#driver.touch(this);
    return false;
  }

  protected override undelivered(): number {
    let count = this.#peerHasAll ? 0 : this.#connection.unackedSdus + this.#lostSdus;
    for (let at = this.writers?.head ?? null; at !== null; at = at.next) if (at.kind === WRITE) count++;
    return count;
  }

  protected override get hasAllOfPeer(): boolean {
    const { params, peerEnded } = this.#connection;
    // The C prototype's format has no end marker.
    return peerEnded || params.wire !== null;
  }

  protected override beforeEnd(clean: boolean): void {
    if (clean && !this.#lowerEnded) this.#transmit(this.#driver.now());
    this.#driver.drop(this);
  }

  protected override get lingerMaxMs(): number {
    const { rUs, mplUs, aUs } = this.#connection.params;
    return (rUs + 2 * mplUs + aUs) / 1_000;
  }

  #takeEvents(): void {
    const connection = this.#connection;
    for (let event = connection.pollEvent(); event !== null; event = connection.pollEvent()) {
      this.#onEvent(event);
    }
  }

  #onEvent(event: FrcpEvent): void {
    switch (event.type) {
      case 'readable':
        if (!this.isLeaving) this.serveReaders();
        break;
      case 'writable':
        this.#windowFull = false;
        this.serveWriters();
        break;
      case 'end':
        // While both ends leave at once, ours still waits for its acknowledgements.
        if (!this.isLeaving) this.ended(event.clean ? CLEAN_END : errnoOf('FLOWRING_FLOW_DOWN'));
        break;
      case 'down':
        this.#lostSdus = event.unackedSdus;
        this.#lowerEnded = true;
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

  #transmit(nowUs: number): void {
    if (this.#lowerEnded || this.#channelFull) return;
    filling = this.#connection;
    fillingUs = nowUs;
    for (;;) {
      filledBytes = 0;
      const outcome = this.port!.trySendWith(this.#mtuBytes, fill);
      if (outcome === 'would-block') this.#channelFull = true;
      if (outcome !== 'sent' || filledBytes === 0) return;
    }
  }
}
