import type { InstantUs } from '@flowring/frcp';
import type { Tag } from './control-packet.ts';

/** A keyed hash of `text`: 64 bits that nobody can tell without the key. */
export type Mac = (key: Uint8Array, text: string) => Tag;

/** A key makes tags for so long, and knows its own for as long again (WireGuard's cookie secret: 120 s). */
export const KEY_LIFE_US = 120_000_000;
const KEY_WORDS = 8;

/**
 * The tags we give to addresses: a hash of the address and a secret, so that we can tell whom we gave one without
 * having kept anything. Who shows a tag receives what is sent to its address.
 */
//= R-UDP-11
export class OwnTags {
  readonly #random: () => number;
  readonly #mac: Mac;
  #key: Uint8Array;
  #before: Uint8Array | null = null;
  #madeUs: InstantUs;

  constructor(random: () => number, mac: Mac, nowUs: InstantUs) {
    this.#random = random;
    this.#mac = mac;
    this.#key = this.#draw();
    this.#madeUs = nowUs;
  }

  /** The tag for who calls itself `peerTag` at an address. */
  of(address: string, peerTag: Tag, nowUs: InstantUs): Tag {
    this.#renew(nowUs);
    return this.#mac(this.#key, `${peerTag}${address}`);
  }

  /** Whether `tag` is one that we gave it there, not long ago. */
  isOf(tag: Tag, address: string, peerTag: Tag, nowUs: InstantUs): boolean {
    this.#renew(nowUs);
    const text = `${peerTag}${address}`;
    if (tag === this.#mac(this.#key, text)) return true;
    return this.#before !== null && tag === this.#mac(this.#before, text);
  }

  #renew(nowUs: InstantUs): void {
    const ageUs = nowUs - this.#madeUs;
    if (ageUs < KEY_LIFE_US) return;
    this.#before = ageUs < 2 * KEY_LIFE_US ? this.#key : null;
    this.#key = this.#draw();
    this.#madeUs = nowUs;
  }

  #draw(): Uint8Array {
    const key = new Uint8Array(4 * KEY_WORDS);
    const view = new DataView(key.buffer);
    for (let i = 0; i < KEY_WORDS; i += 1) view.setUint32(4 * i, this.#random() >>> 0);
    return key;
  }
}
