import type { InstantUs } from '@flowring/frcp';
import type { Deadline } from '../deadline-queue.ts';
import type { PeerAddress } from '../fa-flow.ts';
import type { Tag } from './control-packet.ts';
import type { KIND } from './packet.ts';
import type { PathMtu } from './path-mtu.ts';
import type { ReplayWindow } from './replay-window.ts';

/** Another IPCP of the layer, as long as we have to do with it. `A`: an address, compared by identity. */
export interface Neighbour<A> {
  /** What the allocator calls it. */
  readonly name: PeerAddress;
  /** Where its packets go to and come from. */
  address: A;
  /** What we call ourselves towards it. */
  readonly ownTag: Tag;
  /** Other tags of ours that it was told, the newest last. */
  readonly otherTags: Tag[];
  /** What it calls itself towards us; `null` while it has not told. */
  peerTag: Tag | null;
  /** Tags of its past: packets with them are late. */
  pastTags: Tag[];
  /** Numbers of its control packets under `peerTag`. */
  window: ReplayWindow | null;
  /** Number of our last control packet to it. */
  number: number;
  /** PDUs that wait for its tag. */
  waiting: WaitingPdu[];
  /** Until then it is asked for its tag. */
  helloUntilUs: InstantUs;
  helloEveryUs: number;
  readonly path: PathMtu;
  /** What it was asked: whether it has moved, or whether what we know of its tag and numbers is wrong. */
  question: PendingQuestion<A> | null;
  /** Not before this is it asked again. */
  askAfterUs: InstantUs;
  lastUsedUs: InstantUs;
  timer: Deadline<Neighbour<A>> | null;
}

/** A PDU of the allocator's, the directory's or a flow's, and which it is. */
export interface WaitingPdu {
  readonly kind: PduKind;
  readonly pdu: Uint8Array;
}

export type PduKind = typeof KIND.fa | typeof KIND.directory | typeof KIND.taken;

export interface PendingQuestion<A> {
  readonly address: A;
  /** What the answer must repeat. */
  readonly nonce: string;
}

/** What is to be done, in order. */
export type NeighbourOutput<A> =
  | { readonly t: 'send'; readonly to: A; readonly packet: Uint8Array }
  /** A PDU of this neighbour's allocator or directory, or of a flow with it. */
  | { readonly t: 'pdu'; readonly kind: PduKind; readonly peer: PeerAddress; readonly pdu: Uint8Array }
  /** It is kept from now on: so is its address, until it moves or is forgotten. */
  | { readonly t: 'known'; readonly neighbour: Neighbour<A> }
  | { readonly t: 'moved'; readonly neighbour: Neighbour<A>; readonly from: A }
  /** The path carries more, or less. */
  | { readonly t: 'mtu'; readonly neighbour: Neighbour<A> }
  | { readonly t: 'forgotten'; readonly neighbour: Neighbour<A> };

/** Whole numbers that only grow. */
export interface NeighbourCounters {
  /** Not decodable, or its check was wrong. */
  malformed: number;
  /** Answered with our tag, for nothing kept. */
  contactsAnswered: number;
  /** For nobody we know. */
  stray: number;
  /** Came before, or from a past of its sender. */
  replayed: number;
  /** Dropped because a table was full. */
  overBound: number;
  moves: number;
  /** Sizes in use that did not fit any more. */
  mtuFalls: number;
}

/** What the table of neighbours needs of the world. */
export interface NeighbourOptions<A> {
  /** The address of a name, `address:port`; `null` when it is none. */
  readonly resolve: (name: PeerAddress) => A | null;
  /** An address as text: the name of who is there. */
  readonly format: (address: A) => PeerAddress;
  /** Largest packet that our own interface carries to it, bytes. */
  readonly mtuMaxOf: (address: A) => number;
  /** Random 32 bits. */
  readonly random: () => number;
  readonly mac: (key: Uint8Array, text: string) => Tag;
  readonly crc32: (bytes: Uint8Array, start: number, end: number) => number;
}
