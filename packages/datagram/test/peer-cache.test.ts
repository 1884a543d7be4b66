import { describe, expect, test } from '@jest/globals';
import { PeerCache } from '../src/core/peer-cache.ts';

interface Peer {
  readonly key: number;
  holds: number;
}

const peerOf = (key: number): Peer => ({ key, holds: 0 });

function withPeers(peersMax: number, ...keys: number[]): PeerCache<number, Peer> {
  const cache = new PeerCache<number, Peer>(peersMax);
  for (const key of keys) cache.add(peerOf(key));
  return cache;
}

describe('a cache of peers', () => {
  test('gives what was added, and nothing else', () => {
    const cache = withPeers(10, 1, 2);
    expect(cache.get(1)).toMatchObject({ key: 1 });
    expect(cache.get(3)).toBeUndefined();
  });

  test('stays within its bound', () => {
    const cache = withPeers(10);
    for (let key = 0; key < 1_000; key++) {
      cache.add(peerOf(key));
      expect(cache.size).toBeLessThanOrEqual(10);
    }
  });

  test('remembers whoever is looked up now and then while others flood it', () => {
    const cache = withPeers(10, -1);
    for (let key = 0; key < 100; key++) {
      cache.add(peerOf(key));
      if (key % 4 === 0) expect(cache.get(-1)).toBeDefined();
    }
  });

  test('forgets one that is not held when others flood it, and keeps one that is', () => {
    const cache = withPeers(10, -1, -2);
    const held = cache.get(-1)!;
    cache.hold(held);
    for (let key = 0; key < 100; key++) cache.add(peerOf(key));
    expect(cache.get(-1)).toBe(held);
    expect(cache.get(-2)).toBeUndefined();
  });

  test('keeps one until it is released as often as it was held', () => {
    const cache = withPeers(4, -1);
    const held = cache.get(-1)!;
    cache.hold(held);
    cache.hold(held);
    cache.release(held);
    for (let key = 0; key < 10; key++) cache.add(peerOf(key));
    expect(cache.get(-1)).toBe(held);
    cache.release(held);
    expect(cache.get(-1)).toBe(held);
    for (let key = 0; key < 10; key++) cache.add(peerOf(key));
    expect(cache.get(-1)).toBeUndefined();
  });

  test('does nothing when one is released that nobody holds', () => {
    const cache = withPeers(4, 1);
    cache.release(cache.get(1)!);
    cache.release(peerOf(9));
    expect(cache.size).toBe(1);
  });
});
