import { beforeEach, describe, expect, test } from '@jest/globals';
import { crc32 } from 'node:zlib';
import { encodeControl, NO_TAG } from '../../src/core/udp/control-packet.ts';
import { NEIGHBOURS_MAX } from '../../src/core/udp/neighbours.ts';
import { KIND } from '../../src/core/udp/packet.ts';
import type { Packet } from './udp-world.ts';
import { isKind, TestIpcp, UdpWorld } from './udp-world.ts';

const crc = (bytes: Uint8Array, start: number, end: number) => crc32(bytes.subarray(start, end));

let world: UdpWorld;
let a: TestIpcp;
let b: TestIpcp;

beforeEach(() => {
  world = new UdpWorld();
  a = new TestIpcp(world, 'a');
  b = new TestIpcp(world, 'b');
});

/** Packets with these from-addresses, straight into b. */
function forge(
  from: string,
  kind: number,
  fields: { sTag?: string; rTag?: string; content?: string; number?: number },
): Packet {
  const { sTag = 'forgedId', rTag = NO_TAG, content = '', number = 7 } = fields;
  const bytes = encodeControl({ kind, number, rTag, sTag, content: Buffer.from(content) }, crc);
  return { from: world.at(from), to: b.address, bytes };
}

//= R-UDP-10
describe('the first contact', () => {
  test('brings a PDU to a stranger in two round trips, and the next one in half of one', () => {
    a.send('b', 'first');
    world.run(0.016);
    expect(b.texts).toEqual(['first']);
    a.send('b', 'second');
    world.run(0.006);
    expect(b.texts).toEqual(['first', 'second']);
  });

  test('made beforehand lets the first PDU arrive without a round trip', () => {
    a.take(a.core.contact('b', world.nowUs));
    world.run(0.1);
    a.send('b', 'first');
    world.run(0.006);
    expect(b.texts).toEqual(['first']);
  });

  test('lets both ends find what the path carries before the first PDU', () => {
    a.take(a.core.contact('b', world.nowUs));
    world.run(0.1);
    expect(a.core.get('b')!.path.bytes).toBe(1_472);
    expect(b.core.get('a')!.path.bytes).toBe(1_472);
  });

  test('names a neighbour by its address, so that an answer finds it', () => {
    a.send('b', 'question');
    world.run(0.1);
    b.send(b.pdus[0]!.peer, 'answer');
    world.run(0.1);
    expect(a.pdus).toEqual([{ peer: 'b', text: 'answer' }]);
  });

  test('of two that open to each other at once serves both', () => {
    a.send('b', 'from a');
    b.send('a', 'from b');
    world.run(0.1);
    expect([a.texts, b.texts]).toEqual([['from b'], ['from a']]);
    expect([a.core.size, b.core.size]).toEqual([1, 1]);
  });

  test('is tried again when packets are lost', () => {
    world.passes = () => world.nowUs > 1_000_000;
    a.send('b', 'first');
    world.run(3);
    expect(b.texts).toEqual(['first']);
  });

  test('with nobody there ends, and nothing waits any more', () => {
    a.send('nobody', 'hello?');
    world.run(30);
    const { length } = world.sent;
    world.run(30);
    expect(world.sent).toHaveLength(length);
    expect(a.core.get('nobody')!.waiting).toEqual([]);
  });
});

//= R-UDP-13
describe('a restart', () => {
  beforeEach(() => {
    a.send('b', 'first');
    world.run(0.1);
  });

  test('of the peer is found out by the next PDU, and the one after arrives', () => {
    b.restart();
    a.send('b', 'lost');
    world.run(0.1);
    a.send('b', 'again');
    world.run(0.1);
    expect(b.texts).toEqual(['first', 'again']);
  });

  test('of the sender does not make its numbers look like copies', () => {
    a.restart();
    a.send('b', 'reborn');
    world.run(0.1);
    expect(b.texts).toEqual(['first', 'reborn']);
    expect(b.core.size).toBe(1);
  });
});

//= R-UDP-12
describe('strangers', () => {
  test('make no state, whatever they send (H8)', () => {
    for (let i = 0; i < 10_000; i += 1) {
      for (const kind of [KIND.hello, KIND.fa, KIND.probe, KIND.challenge, KIND.contact, KIND.directory]) {
        b.receive(forge(`stranger-${i % 1_000}`, kind, { content: 'let me in' }));
      }
    }
    expect(b.core.size).toBe(0);
    expect(b.pdus).toEqual([]);
    expect(b.core.nextTimeout()).toBeNull();
  });

  test.each(Object.entries(KIND))('get no more bytes than they sent: %s (H9)', (_name, kind) => {
    const packet = forge('stranger', kind, { content: '' });
    b.receive(packet);
    const answered = world.sent.reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(answered).toBeLessThanOrEqual(packet.bytes.length);
  });

  test('do not keep an honest one from its flow', () => {
    for (let i = 0; i < 5_000; i += 1) b.receive(forge(`stranger-${i}`, KIND.hello, {}));
    a.send('b', 'honest');
    world.run(2);
    expect(b.texts).toEqual(['honest']);
  });

  test('that guess tags are nobody', () => {
    a.send('b', 'first');
    world.run(0.1);
    for (let i = 0; i < 10_000; i += 1) {
      const rTag = `guess${String(i).padStart(3, '0')}`.slice(0, 8);
      b.receive(forge('a', KIND.fa, { rTag, content: 'forged' }));
    }
    expect(b.texts).toEqual(['first']);
  });

  //= R-UDP-11
  test('cannot use a tag that was given to another address', () => {
    const overheard: Packet[] = [];
    world.passes = (packet) => {
      if (isKind(KIND.fa)(packet)) overheard.push(packet);
      return isKind(KIND.hello)(packet) || isKind(KIND.contact)(packet);
    };
    a.send('b', 'mine');
    world.run(0.1);
    b.receive({ ...overheard[0]!, from: world.at('thief') });
    expect(b.core.size).toBe(0);
    expect(b.texts).toEqual([]);
  });

  //= R-UDP-16
  test('that are many and real stop at the bound, and those known before go on', () => {
    a.send('b', 'first');
    world.run(0.1);
    for (let i = 0; i < NEIGHBOURS_MAX + 10; i += 1) {
      const from = `real-${i}`;
      const seen = world.sent.length;
      b.receive(forge(from, KIND.hello, {}));
      const contact = world.sent[seen]!.bytes;
      const rTag = String.fromCharCode(...contact.subarray(16, 24));
      b.receive(forge(from, KIND.fa, { rTag, content: from }));
    }
    expect(b.core.size).toBe(NEIGHBOURS_MAX);
    a.send('b', 'second');
    world.run(0.1);
    expect(b.texts.at(-1)).toBe('second');
  });
});

//= R-UDP-14
describe('a copied packet', () => {
  test.each([1, 30, 600, 3_000])('is not taken again after %i s (H10)', (seconds) => {
    a.send('b', 'once');
    world.run(0.1);
    const copies = world.sent.filter(isKind(KIND.fa));
    world.run(seconds);
    for (const copy of copies) b.receive(copy);
    world.run(1);
    expect(b.texts).toEqual(['once']);
  });

  test('is not taken by the next incarnation of its receiver (H10)', () => {
    a.send('b', 'once');
    world.run(0.1);
    const copies = world.sent.filter(isKind(KIND.fa));
    b.restart();
    for (const copy of copies) b.receive(copy);
    world.run(1);
    expect(b.texts).toEqual(['once']);
  });

  test('of a past of its sender is late', () => {
    a.send('b', 'first life');
    world.run(0.1);
    const copies = world.sent.filter(isKind(KIND.fa));
    a.restart();
    a.send('b', 'second life');
    world.run(0.1);
    for (const copy of copies) b.receive(copy);
    expect(b.texts).toEqual(['first life', 'second life']);
  });

  test('sent back to its sender is nothing to it (H12)', () => {
    a.send('b', 'out');
    world.run(0.1);
    for (const { bytes } of world.sent.filter(isKind(KIND.fa))) {
      a.receive({ from: b.address, to: a.address, bytes });
    }
    expect(a.texts).toEqual([]);
  });
});

//= R-UDP-14
describe('one packet of somebody who knows the tags', () => {
  /** What a calls itself and b, and the number of its last packet. */
  const spoken = (): { sTag: string; rTag: string; number: number } => {
    a.send('b', 'before');
    world.run(0.1);
    const { ownTag, peerTag, number } = a.core.get('b')!;
    return { sTag: ownTag, rTag: peerTag!, number };
  };
  const isHeard = (): boolean => {
    a.send('b', 'unheard');
    world.run(0.1);
    a.send('b', 'after');
    world.run(0.1);
    return b.texts.at(-1) === 'after';
  };

  test('with a number far ahead makes nobody deaf to those that follow', () => {
    const { sTag, rTag, number } = spoken();
    b.receive(forge('a', KIND.probe, { sTag, rTag, number: (number + 2 ** 30) >>> 0 }));
    expect(isHeard()).toBe(true);
  });

  test('with another tag of its sender makes nobody deaf to the right one', () => {
    const { rTag } = spoken();
    b.receive(forge('a', KIND.probe, { sTag: 'somebody', rTag }));
    world.passes = (packet) => packet.from !== b.address || isKind(KIND.challenge)(packet);
    expect(isHeard()).toBe(true);
  });

  test('does not bring a past incarnation back', () => {
    const { sTag, rTag, number } = spoken();
    a.restart();
    a.send('b', 'second life');
    world.run(0.1);
    b.receive(forge('a', KIND.probe, { sTag, rTag, number: number + 1 }));
    world.run(0.1);
    expect(b.core.get('a')!.peerTag).toBe(a.core.get('b')!.ownTag);
  });

  test('is asked about, but not for each copy', () => {
    const { sTag, rTag, number } = spoken();
    const before = world.sent.length;
    const old = forge('a', KIND.probe, { sTag, rTag, number: (number - 5_000) >>> 0 });
    for (let copies = 0; copies < 100; copies += 1) b.receive(old);
    expect(world.sent.slice(before).map(({ bytes }) => bytes.length)).toEqual([36]);
  });
});

//= R-UDP-15
describe('a neighbour whose address changed', () => {
  beforeEach(() => {
    a.send('b', 'before');
    world.run(0.1);
  });

  test('is asked at the new one, then spoken to there, under its old name', () => {
    a.address = world.at('a2');
    a.send('b', 'after');
    world.run(0.5);
    b.send('a', 'found you');
    world.run(0.5);
    expect(b.texts).toEqual(['before', 'after']);
    expect(a.texts).toEqual(['found you']);
    expect(b.core.counters.moves).toBe(1);
  });

  test('is not believed before it answered: nothing else goes there', () => {
    a.address = world.at('a2');
    world.passes = (packet) => !isKind(KIND.response)(packet);
    a.send('b', 'after');
    world.run(0.5);
    b.send('a', 'secret');
    world.run(0.5);
    const there = world.sent.filter(({ to }) => to.name === 'a2');
    expect(there.every(isKind(KIND.challenge))).toBe(true);
    expect(b.core.get('a')!.address.name).toBe('a');
  });

  test('is not moved by who only saw an EID: the question tells nothing that the answer needs', () => {
    const neighbour = b.core.get('a')!;
    b.take(b.core.strayed(neighbour, world.at('thief'), 100, world.nowUs));
    const question = world.sent.at(-1)!;
    expect(question.to.name).toBe('thief');
    const known = String.fromCharCode(...question.bytes);
    expect(known.includes(neighbour.ownTag)).toBe(false);
    b.receive(forge('thief', KIND.response, { rTag: neighbour.peerTag!, content: known.slice(24, 32) }));
    expect(neighbour.address.name).toBe('a');
  });

  test('is asked with no more than thrice the bytes that came from there (H9)', () => {
    const before = world.sent.length;
    b.take(b.core.strayed(b.core.get('a')!, world.at('a2'), 11, world.nowUs));
    expect(world.sent).toHaveLength(before);
    b.take(b.core.strayed(b.core.get('a')!, world.at('a2'), 12, world.nowUs));
    expect(world.sent[before]!.bytes.length).toBeLessThanOrEqual(36);
  });

  test('leaves its old address to another one', () => {
    a.address = world.at('a2');
    a.send('b', 'after');
    world.run(0.5);
    const c = new TestIpcp(world, 'a');
    c.send('b', 'I am new here');
    world.run(0.5);
    expect(b.texts).toEqual(['before', 'after', 'I am new here']);
    expect(b.pdus.at(-1)!.peer).not.toBe('a');
    expect(b.core.size).toBe(2);
  });
});

test('a neighbour that nobody speaks with is forgotten, and found again', () => {
  a.send('b', 'early');
  world.run(700);
  expect([a.core.size, b.core.size]).toEqual([0, 0]);
  a.send('b', 'late');
  world.run(1);
  expect(b.texts).toEqual(['early', 'late']);
});
