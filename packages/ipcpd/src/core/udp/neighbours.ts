import type { InstantUs } from '@flowring/frcp';
import { DeadlineQueue } from '../deadline-queue.ts';
import type { PeerAddress } from '../fa-flow.ts';
import type { ControlPacket, Tag } from './control-packet.ts';
import { decodeControl, encodeControl, NO_TAG } from './control-packet.ts';
import type {
  Neighbour,
  NeighbourCounters,
  NeighbourOptions,
  NeighbourOutput,
  PduKind,
  PendingQuestion,
} from './neighbour.ts';
import { OwnTags } from './own-tags.ts';
import { CONTROL_OVERHEAD_BYTES, KIND, readU32, writeU32 } from './packet.ts';
import { PathMtu } from './path-mtu.ts';
import { ReplayWindow } from './replay-window.ts';

//= R-UDP-16
/** IPCPs we have to do with at a time. */
export const NEIGHBOURS_MAX = 16_384;
/** A neighbour nobody spoke with for so long is forgotten: longer than a tag can be shown anew. */
const IDLE_US = 600_000_000;
/** FA PDUs that wait for a neighbour's tag; the allocator repeats what does not fit. */
const WAITING_MAX = 64;
const HELLO_FIRST_US = 100_000;
const HELLO_MAX_US = 400_000;
/** A neighbour is asked for its tag for so long after the last PDU for it. */
const HELLO_FOR_US = 5_000_000;
const PAST_TAGS_MAX = 4;
const OTHER_TAGS_MAX = 4;
const ASK_EVERY_US = 150_000;
const NONCE_BYTES = 8;
/** What the first packet of a neighbour may be. */
const OPENS: readonly number[] = [KIND.fa, KIND.directory, KIND.probe];
const EMPTY = new Uint8Array(0);

/**
 * The other IPCPs of a `udp` layer: who they are, where, and what their paths carry. Keeps nothing for an address until
 * it has shown that it receives what is sent to it, and sends it no more than it sent. Pure.
 */
//= R-UDP-10
export class Neighbours<A> {
  readonly counters: NeighbourCounters = {
    malformed: 0,
    contactsAnswered: 0,
    stray: 0,
    replayed: 0,
    overBound: 0,
    moves: 0,
    mtuFalls: 0,
  };
  readonly #options: NeighbourOptions<A>;
  readonly #tags: OwnTags;
  readonly #byName = new Map<PeerAddress, Neighbour<A>>();
  readonly #byTag = new Map<Tag, Neighbour<A>>();
  readonly #byAddress = new Map<A, Neighbour<A>>();
  readonly #timers = new DeadlineQueue<Neighbour<A>>();
  #out: NeighbourOutput<A>[] = [];

  constructor(options: NeighbourOptions<A>, nowUs: InstantUs) {
    this.#options = options;
    this.#tags = new OwnTags(options.random, options.mac, nowUs);
  }

  get size(): number {
    return this.#byName.size;
  }

  get(name: PeerAddress): Neighbour<A> | undefined {
    return this.#byName.get(name);
  }

  all(): Iterable<Neighbour<A>> {
    return this.#byName.values();
  }

  /** Contacts whoever has this name, so that a flow to it needs one round trip. */
  contact(name: PeerAddress, nowUs: InstantUs): NeighbourOutput<A>[] {
    const neighbour = this.#use(name, nowUs);
    if (neighbour !== null && neighbour.peerTag === null) this.#startHello(neighbour, nowUs);
    return this.#leave();
  }

  /** Sends a PDU. */
  send(name: PeerAddress, kind: PduKind, pdu: Uint8Array, nowUs: InstantUs): NeighbourOutput<A>[] {
    const neighbour = this.#use(name, nowUs);
    if (neighbour === null) return this.#leave();
    if (neighbour.peerTag !== null) this.#sendTo(neighbour, kind, pdu);
    else {
      if (neighbour.waiting.length < WAITING_MAX) neighbour.waiting.push({ kind, pdu });
      else this.counters.overBound += 1;
      this.#startHello(neighbour, nowUs);
    }
    return this.#leave();
  }

  /** Takes in the control packet `bytes[start, end)`. Never throws on its content. */
  receive(bytes: Uint8Array, start: number, end: number, from: A, nowUs: InstantUs): NeighbourOutput<A>[] {
    const packet = decodeControl(bytes, start, end, this.#options.crc32);
    if (packet === null) this.counters.malformed += 1;
    else if (packet.kind === KIND.hello) this.#onHello(packet, from, nowUs);
    else if (packet.kind === KIND.contact) this.#onContact(packet, from, nowUs);
    else this.#onKnown(packet, from, nowUs);
    return this.#leave();
  }

  /** A data packet for a flow with this neighbour came from another address: it may have moved there. */
  strayed(neighbour: Neighbour<A>, from: A, bytes: number, nowUs: InstantUs): NeighbourOutput<A>[] {
    if (neighbour.peerTag !== null) this.#ask(neighbour, neighbour.peerTag, from, bytes, nowUs);
    return this.#leave();
  }

  /** The host says that packets of more than `max` bytes do not leave for this address. */
  limited(address: A, max: number, nowUs: InstantUs): NeighbourOutput<A>[] {
    const neighbour = this.#byAddress.get(address);
    if (neighbour?.path.limited(max, nowUs) === true) this.#out.push({ t: 'mtu', neighbour });
    if (neighbour !== undefined) this.#arm(neighbour, nowUs);
    return this.#leave();
  }

  /** A large packet is sent on a path that was not in use. */
  used(neighbour: Neighbour<A>, nowUs: InstantUs): void {
    neighbour.path.noteUse(nowUs);
    if (this.#byName.get(neighbour.name) === neighbour) this.#arm(neighbour, nowUs);
  }

  nextTimeout(): InstantUs | null {
    return this.#timers.nextAt();
  }

  /** Does what is due. */
  handleTimeout(nowUs: InstantUs): NeighbourOutput<A>[] {
    for (let due = this.#timers.takeDue(nowUs); due !== null; due = this.#timers.takeDue(nowUs)) {
      due.timer = null;
      this.#tend(due, nowUs);
    }
    return this.#leave();
  }

  //= R-UDP-12
  #onHello({ sTag }: ControlPacket, from: A, nowUs: InstantUs): void {
    if (sTag === NO_TAG) this.counters.stray += 1;
    else this.#answerContact(sTag, from, nowUs);
  }

  /** Tells our tag to whoever is at this address; keeps nothing. Never longer than what it answers. */
  #answerContact(rTag: Tag, to: A, nowUs: InstantUs): void {
    const known = this.#byAddress.get(to);
    const sTag =
      known !== undefined && (known.peerTag === null || known.peerTag === rTag)
        ? known.ownTag
        : this.#tags.of(this.#options.format(to), rTag, nowUs);
    this.counters.contactsAnswered += 1;
    this.#push(to, { kind: KIND.contact, number: 0, rTag, sTag, content: EMPTY });
  }

  #onContact({ rTag, sTag }: ControlPacket, from: A, nowUs: InstantUs): void {
    const neighbour = this.#byTag.get(rTag);
    if (neighbour === undefined || sTag === NO_TAG || from !== neighbour.address) {
      this.counters.stray += 1;
      return;
    }
    if (neighbour.peerTag === sTag) return;
    this.#learnTag(neighbour, sTag, null, nowUs);
  }

  #onKnown(packet: ControlPacket, from: A, nowUs: InstantUs): void {
    const neighbour = this.#byTag.get(packet.rTag) ?? this.#admit(packet, from, nowUs);
    if (neighbour === null) return;
    const bytes = packet.content.length + CONTROL_OVERHEAD_BYTES;
    if (!this.#isFresh(neighbour, packet, from, nowUs)) {
      this.counters.replayed += 1;
      if (this.#isDoubtful(neighbour, packet, from)) this.#ask(neighbour, packet.sTag, from, bytes, nowUs);
      return;
    }
    neighbour.lastUsedUs = nowUs;
    if (packet.kind === KIND.response) this.#onResponse(neighbour, packet, from, nowUs);
    else if (from !== neighbour.address)
      this.#ask(neighbour, neighbour.peerTag ?? packet.sTag, from, bytes, nowUs);
    this.#take(neighbour, packet, from, nowUs);
  }

  #take(neighbour: Neighbour<A>, packet: ControlPacket, from: A, nowUs: InstantUs): void {
    switch (packet.kind) {
      case KIND.fa:
      case KIND.directory:
      case KIND.taken:
        this.#out.push({ t: 'pdu', kind: packet.kind, peer: neighbour.name, pdu: packet.content });
        return;
      case KIND.challenge:
        if (from === neighbour.address) this.#sendTo(neighbour, KIND.response, packet.content);
        return;
      case KIND.probe:
        this.#sendTo(neighbour, KIND.probed, lengthOf(packet));
        return;
      case KIND.probed:
        if (packet.content.length !== 4) return;
        if (neighbour.path.answered(readU32(packet.content, 0), nowUs)) {
          this.#out.push({ t: 'mtu', neighbour });
        }
        this.#arm(neighbour, nowUs);
    }
  }

  /** Who shows a tag of ours that we do not keep received it, at the address it was made for: a neighbour from now on. */
  //= R-UDP-13
  #admit(packet: ControlPacket, from: A, nowUs: InstantUs): Neighbour<A> | null {
    const { kind, rTag, sTag } = packet;
    const name = this.#options.format(from);
    if (sTag === NO_TAG || !OPENS.includes(kind)) {
      this.counters.stray += 1;
      return null;
    }
    if (!this.#tags.isOf(rTag, name, sTag, nowUs)) {
      this.#answerContact(sTag, from, nowUs);
      return null;
    }
    const known = this.#byName.get(name);
    if (known === undefined) return this.#create(name, from, rTag, nowUs);
    if (known.address === from) {
      this.#addTag(known, rTag);
      return known;
    }
    // The one of that name has moved away, and this one is where it was.
    return this.#byName.has(`${name}+`) ? null : this.#create(`${name}+`, from, rTag, nowUs);
  }

  /** It has begun anew, or both of us asked at once. */
  #addTag(neighbour: Neighbour<A>, tag: Tag): void {
    neighbour.otherTags.push(tag);
    this.#byTag.set(tag, neighbour);
    if (neighbour.otherTags.length > OTHER_TAGS_MAX) this.#byTag.delete(neighbour.otherTags.shift()!);
  }

  /** A packet is taken once, and none of a past of its sender. */
  //= R-UDP-14
  #isFresh(neighbour: Neighbour<A>, packet: ControlPacket, from: A, nowUs: InstantUs): boolean {
    const { kind, number, sTag } = packet;
    if (kind === KIND.challenge) return true;
    if (sTag === NO_TAG) return false;
    const isSure = kind === KIND.response && isAnswer(neighbour, packet, from);
    if (!isSure && neighbour.pastTags.includes(sTag)) return false;
    if (
      neighbour.peerTag !== sTag ||
      neighbour.window === null ||
      (isSure && neighbour.window.isPast(number))
    ) {
      this.#learnTag(neighbour, sTag, number, nowUs);
    }
    return neighbour.window!.take(number);
  }

  /** Late, or else somebody has led us to believe in a tag or a number that it has not. */
  #isDoubtful(neighbour: Neighbour<A>, { number, sTag }: ControlPacket, from: A): boolean {
    if (from !== neighbour.address) return false;
    return (
      neighbour.pastTags.includes(sTag) ||
      (sTag === neighbour.peerTag && neighbour.window?.isPast(number) === true)
    );
  }

  /** Another tag: it started anew, or has forgotten us. */
  #learnTag(neighbour: Neighbour<A>, tag: Tag, number: number | null, nowUs: InstantUs): void {
    const { peerTag } = neighbour;
    if (peerTag !== null && peerTag !== tag) {
      neighbour.pastTags.push(peerTag);
      if (neighbour.pastTags.length > PAST_TAGS_MAX) neighbour.pastTags.shift();
    }
    neighbour.pastTags = neighbour.pastTags.filter((past) => past !== tag);
    if (peerTag !== tag) neighbour.window = null;
    if (number !== null) neighbour.window = new ReplayWindow(number);
    neighbour.peerTag = tag;
    this.#flush(neighbour);
    this.#arm(neighbour, nowUs);
  }

  #flush(neighbour: Neighbour<A>): void {
    const { waiting } = neighbour;
    neighbour.waiting = [];
    neighbour.helloUntilUs = 0;
    for (const { kind, pdu } of waiting) this.#sendTo(neighbour, kind, pdu);
  }

  /** Nothing goes to another address before it answered but a question of at most three times what came from it. */
  //= R-UDP-15
  #ask(neighbour: Neighbour<A>, rTag: Tag, to: A, bytes: number, nowUs: InstantUs): void {
    if (nowUs < neighbour.askAfterUs || 3 * bytes < CONTROL_OVERHEAD_BYTES + NONCE_BYTES) return;
    if (neighbour.question?.address !== to) neighbour.question = { address: to, nonce: this.#draw64() };
    neighbour.askAfterUs = nowUs + ASK_EVERY_US;
    this.#challenge(neighbour.question, rTag);
  }

  /** Without our tag: who only guessed an EID learns nothing that the answer needs. */
  #challenge(question: PendingQuestion<A>, rTag: Tag): void {
    const content = new Uint8Array(NONCE_BYTES);
    for (let i = 0; i < NONCE_BYTES; i += 1) content[i] = question.nonce.charCodeAt(i);
    this.#push(question.address, { kind: KIND.challenge, number: 0, rTag, sTag: NO_TAG, content });
  }

  #onResponse(neighbour: Neighbour<A>, packet: ControlPacket, from: A, nowUs: InstantUs): void {
    if (!isAnswer(neighbour, packet, from)) return;
    neighbour.question = null;
    const before = neighbour.address;
    if (before === from) return;
    neighbour.address = from;
    if (this.#byAddress.get(before) === neighbour) this.#byAddress.delete(before);
    this.#byAddress.set(from, neighbour);
    this.counters.moves += 1;
    neighbour.path.restart(nowUs);
    this.#out.push({ t: 'moved', neighbour, from: before }, { t: 'mtu', neighbour });
    this.#arm(neighbour, nowUs);
  }

  #use(name: PeerAddress, nowUs: InstantUs): Neighbour<A> | null {
    const known = this.#byName.get(name);
    if (known !== undefined) {
      known.lastUsedUs = nowUs;
      return known;
    }
    const address = this.#options.resolve(name);
    if (address === null) return null;
    return this.#create(name, address, this.#draw64(), nowUs);
  }

  #create(name: PeerAddress, address: A, ownTag: Tag, nowUs: InstantUs): Neighbour<A> | null {
    if (this.#byName.size >= NEIGHBOURS_MAX || this.#byTag.has(ownTag)) {
      this.counters.overBound += 1;
      return null;
    }
    const neighbour: Neighbour<A> = {
      name,
      address,
      ownTag,
      otherTags: [],
      peerTag: null,
      pastTags: [],
      window: null,
      number: this.#options.random() >>> 0,
      waiting: [],
      helloUntilUs: 0,
      helloEveryUs: HELLO_FIRST_US,
      path: new PathMtu(this.#options.mtuMaxOf(address), nowUs),
      question: null,
      askAfterUs: 0,
      lastUsedUs: nowUs,
      timer: null,
    };
    this.#byName.set(name, neighbour);
    this.#byTag.set(ownTag, neighbour);
    this.#byAddress.set(address, neighbour);
    this.#out.push({ t: 'known', neighbour });
    this.#arm(neighbour, nowUs);
    return neighbour;
  }

  #forget(neighbour: Neighbour<A>): void {
    this.#byName.delete(neighbour.name);
    for (const tag of [neighbour.ownTag, ...neighbour.otherTags]) this.#byTag.delete(tag);
    if (this.#byAddress.get(neighbour.address) === neighbour) this.#byAddress.delete(neighbour.address);
    this.#timers.cancel(neighbour.timer);
    this.#out.push({ t: 'forgotten', neighbour });
  }

  #startHello(neighbour: Neighbour<A>, nowUs: InstantUs): void {
    const asking = neighbour.helloUntilUs > nowUs;
    neighbour.helloUntilUs = nowUs + HELLO_FOR_US;
    if (asking) return;
    neighbour.helloEveryUs = HELLO_FIRST_US;
    this.#hello(neighbour);
    this.#arm(neighbour, nowUs);
  }

  #hello({ address, ownTag }: Neighbour<A>): void {
    this.#push(address, { kind: KIND.hello, number: 0, rTag: NO_TAG, sTag: ownTag, content: EMPTY });
  }

  /** One neighbour's timer for all: asking for its tag, its path's MTU, being forgotten. */
  #tend(neighbour: Neighbour<A>, nowUs: InstantUs): void {
    if (nowUs - neighbour.lastUsedUs >= IDLE_US) {
      this.#forget(neighbour);
      return;
    }
    if (neighbour.peerTag === null) {
      if (nowUs < neighbour.helloUntilUs) {
        this.#hello(neighbour);
        neighbour.helloEveryUs = Math.min(HELLO_MAX_US, 2 * neighbour.helloEveryUs);
      } else {
        neighbour.waiting = [];
      }
    } else {
      this.#probe(neighbour, nowUs);
    }
    this.#arm(neighbour, nowUs);
  }

  #probe(neighbour: Neighbour<A>, nowUs: InstantUs): void {
    const { probes, fell } = neighbour.path.step(nowUs);
    if (fell) {
      this.counters.mtuFalls += 1;
      this.#out.push({ t: 'mtu', neighbour });
    }
    for (const size of probes) {
      this.#sendTo(neighbour, KIND.probe, new Uint8Array(size - CONTROL_OVERHEAD_BYTES));
    }
  }

  #arm(neighbour: Neighbour<A>, nowUs: InstantUs): void {
    this.#timers.cancel(neighbour.timer);
    let atUs = neighbour.lastUsedUs + IDLE_US;
    if (neighbour.peerTag !== null) atUs = Math.min(atUs, Math.max(nowUs, neighbour.path.nextUs));
    else if (neighbour.helloUntilUs > nowUs) atUs = Math.min(atUs, nowUs + neighbour.helloEveryUs);
    else if (neighbour.waiting.length > 0) atUs = nowUs;
    neighbour.timer = this.#timers.add(atUs, neighbour);
  }

  #sendTo(neighbour: Neighbour<A>, kind: number, content: Uint8Array): void {
    const { address, peerTag, ownTag } = neighbour;
    neighbour.number = (neighbour.number + 1) >>> 0;
    this.#push(address, { kind, number: neighbour.number, rTag: peerTag ?? NO_TAG, sTag: ownTag, content });
  }

  #push(to: A, packet: ControlPacket): void {
    this.#out.push({ t: 'send', to, packet: encodeControl(packet, this.#options.crc32) });
  }

  #draw64(): string {
    let drawn = '';
    for (let i = 0; i < NONCE_BYTES / 4; i += 1) {
      const word = this.#options.random();
      for (let shift = 24; shift >= 0; shift -= 8) drawn += String.fromCharCode((word >>> shift) & 0xff);
    }
    return drawn;
  }

  #leave(): NeighbourOutput<A>[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }
}

function isAnswer<A>({ question }: Neighbour<A>, { content }: ControlPacket, from: A): boolean {
  if (question === null || question.address !== from || content.length !== NONCE_BYTES) return false;
  return String.fromCharCode(...content) === question.nonce;
}

function lengthOf({ content }: ControlPacket): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, content.length + CONTROL_OVERHEAD_BYTES);
  return bytes;
}
