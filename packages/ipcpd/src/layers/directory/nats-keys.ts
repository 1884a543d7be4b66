import { createHash } from 'node:crypto';
import { isName } from '@flowring/common';
import type { PeerAddress } from '../../core/fa-flow.ts';

/** A name and one who has it. */
export interface Holder {
  readonly name: string;
  readonly peer: PeerAddress;
}

/** The bucket of a layer: readable where the layer's name allows it, else by its hash. */
export function bucketOf(layerName: string): string {
  const plain = /^[A-Za-z0-9_-]{1,64}$/.test(layerName);
  const tail = plain ? layerName : `x-${createHash('sha256').update(layerName).digest('hex').slice(0, 32)}`;
  return `flowring_${tail}`;
}

/** The key of a holder: name and address, each as base64url, so that any text makes a key. */
export function keyOf({ name, peer }: Holder): string {
  return `${encode(name)}.${encode(peer)}`;
}

/** The holder of a key, or `null` when it is none of ours. */
export function holderOf(key: string): Holder | null {
  const parts = key.split('.');
  if (parts.length !== 2) return null;
  const holder = { name: decode(parts[0]!), peer: decode(parts[1]!) };
  return isName(holder.name) && isName(holder.peer) && keyOf(holder) === key ? holder : null;
}

function encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url');
}

function decode(text: string): string {
  return Buffer.from(text, 'base64url').toString('utf8');
}
