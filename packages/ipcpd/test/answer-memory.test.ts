import { beforeEach, describe, expect, test } from '@jest/globals';
import { errnoOf, LIMITS, qosCubes } from '@flowring/common';
import { AnswerCache, newPeerRequests } from '../src/core/answer-cache.ts';
import type { FaOutput } from '../src/core/fa-messages.ts';
import { decodeFaPdu, encodeFaPdu } from '../src/core/fa-pdu.ts';
import { requestId, requestNumber } from '../src/core/request-id.ts';
import { AllocatorPair } from './allocator-pair.ts';

const EMPTY = new Uint8Array(0);
let pair: AllocatorPair;

beforeEach(() => {
  pair = new AllocatorPair();
});

/** The first request A sent, as it was. */
function firstRequest(): Uint8Array {
  return pair.a.outputs.flatMap((one) => (one.t === 'send' ? [one.pdu] : []))[0]!;
}

/** What B says to a PDU. */
function toB(pdu: Uint8Array, peer = 'a'): FaOutput[] {
  return pair.b.allocator.handle({ t: 'pdu', peer, pdu }, pair.nowUs);
}

function requestOf(number: number, epoch = 7): Uint8Array {
  const body = { sEid: number, timeoutMs: 10_000, qos: qosCubes.raw, name: 'echo', data: EMPTY };
  return encodeFaPdu(epoch, { t: 'request', id: requestId(number, () => 5), ...body });
}

function answersIn(outputs: readonly FaOutput[]): number[] {
  return outputs.flatMap((one) => {
    const pdu = one.t === 'send' ? decodeFaPdu(one.pdu) : null;
    return pdu?.t === 'answer' ? [pdu.errno] : [];
  });
}

const isOffered = (outputs: readonly FaOutput[]): boolean =>
  outputs.some((one) => one.t === 'irmd' && one.message.t === 'ipcp-incoming');

/** B is asked and refuses until it must have forgotten the first of the requests; how many there were. */
function refuseMany(peer = 'a'): number {
  const many = Math.ceil(LIMITS.answersPerPeerMaxBytes / 400);
  for (let number = 1; number <= many; number += 1) {
    expect(isOffered(toB(requestOf(number), peer))).toBe(true);
    const incoming = number;
    pair.b.allocator.handle({ t: 'refuse', incoming, code: 'FLOWRING_PERMISSION' }, pair.nowUs);
  }
  return many;
}

describe('the id of a request', () => {
  //= R-FA-01
  test('has its number, also a large one, and 80 bits of chance', () => {
    for (const number of [1, 255, 256, 2 ** 32, 2 ** 48 - 1]) {
      const id = requestId(number, () => 0xffff_ffff);
      expect(requestNumber(id)).toBe(number);
      expect(id.slice(6)).toBe('\xff'.repeat(10));
    }
  });

  //= R-FA-01
  test('is the same in every copy, and counts up from one request to the next', () => {
    pair.a.passes = () => false;
    pair.request(1);
    pair.run(1);
    pair.request(2);
    const ids = pair.a.sent.flatMap((pdu) => (pdu.t === 'request' ? [pdu.id] : []));
    expect(new Set(ids).size).toBe(2);
    expect([requestNumber(ids[0]!), requestNumber(ids.at(-1)!)]).toEqual([1, 2]);
  });
});

describe('what is remembered of a request', () => {
  //= R-FA-02
  test('is asked for no longer than ten minutes, however long the program would wait', () => {
    pair.a.passes = () => false;
    pair.request(1, { timeoutMs: 3_600_000 });
    pair.run(599);
    expect(pair.a.told('ipcp-refused')).toEqual([]);
    pair.run(2);
    expect(pair.a.told('ipcp-refused')).toMatchObject([{ code: 'FLOWRING_TIMEOUT' }]);
  });

  //= R-FA-03
  test('keeps a copy from being served while the flow is there', () => {
    pair.allocate(1);
    const outputs = toB(firstRequest());
    expect([isOffered(outputs), answersIn(outputs)]).toEqual([false, []]);
  });

  //= R-FA-04
  test('is nothing beside the flow itself once no copy of the request can come', () => {
    pair.allocate(1);
    expect(pair.b.allocator.inspect()).toMatchObject({ flows: 1, answers: 1 });
    pair.run(2.1);
    expect(pair.b.allocator.inspect()).toMatchObject({ flows: 1, answers: 0 });
  });

  //= R-FA-04
  test('is a refusal as long as the requester may still ask', () => {
    pair.b.passes = () => false;
    pair.request(1, { timeoutMs: 10_000 });
    pair.run(0.05);
    pair.input(pair.b, { t: 'refuse', incoming: 1, code: 'FLOWRING_PERMISSION' });
    pair.run(10.9);
    expect(answersIn(toB(firstRequest()))).toEqual([errnoOf('FLOWRING_PERMISSION')]);
    pair.run(3);
    expect(pair.b.allocator.inspect()).toMatchObject({ answers: 0, peers: 0, timers: 0 });
  });

  //= R-FA-04
  test('is the answer with its data when the server has left before its requester was heard', () => {
    pair.request(1);
    pair.run(0.05);
    const data = new Uint8Array([1, 2, 3]);
    pair.b.passes = () => false;
    pair.input(pair.b, { t: 'accept', incoming: 1, flow: 5, data });
    pair.input(pair.b, { t: 'release', flow: 5 });
    pair.run(0.1);
    pair.b.passes = (pdu) => pdu.t !== 'down';
    pair.run(1);
    expect(pair.a.told('ipcp-allocated')).toMatchObject([{ flow: 1, data }]);
  });

  //= R-FA-05
  test('keeps a request from being served whose cancel came first, as long as it may come', () => {
    pair.a.passes = (pdu) => pdu.t === 'cancel';
    pair.request(1);
    pair.input(pair.a, { t: 'release', flow: 1 });
    pair.run(0.8);
    expect(isOffered(toB(firstRequest()))).toBe(false);
    pair.run(3);
    expect(pair.b.allocator.inspect()).toMatchObject({ answers: 0, peers: 0 });
  });

  //= R-FA-07
  test('outlives a sleep of its host, for the copies that waited meanwhile', () => {
    pair.allocate(1);
    pair.suspend(1_000);
    pair.run(0);
    expect(isOffered(toB(firstRequest()))).toBe(false);
  });

  //= R-FA-08
  test('is forgotten when the requester starts anew, which counts from 1 again', () => {
    toB(requestOf(1));
    pair.b.allocator.handle({ t: 'refuse', incoming: 1, code: 'FLOWRING_REFUSED' }, pair.nowUs);
    expect(isOffered(toB(requestOf(1, 8)))).toBe(true);
    expect(isOffered(toB(requestOf(2, 7)))).toBe(false);
  });
});

describe('a full memory of answers', () => {
  //= R-FA-06
  test('still has room for every new request', () => {
    const many = refuseMany();
    expect(isOffered(toB(requestOf(many + 1)))).toBe(true);
  });

  //= R-FA-06
  test('refuses a request it may have forgotten, and does not serve it again', () => {
    const many = refuseMany();
    expect(pair.b.allocator.inspect().answers).toBeLessThan(many);
    const outputs = toB(requestOf(1));
    expect([isOffered(outputs), answersIn(outputs)]).toEqual([false, [errnoOf('FLOWRING_TOO_MANY')]]);
    expect(answersIn(toB(requestOf(many)))).toEqual([errnoOf('FLOWRING_PERMISSION')]);
  });

  //= R-FA-06
  test('is that of one peer: the low numbers of others are new', () => {
    refuseMany();
    expect(isOffered(toB(requestOf(1), 'other'))).toBe(true);
  });

  //= R-FA-06
  test('knows what it has forgotten until it would have forgotten it anyway', () => {
    refuseMany();
    pair.run(11.9);
    expect(answersIn(toB(requestOf(1)))).toEqual([errnoOf('FLOWRING_TOO_MANY')]);
    pair.run(3);
    expect(pair.b.allocator.inspect()).toMatchObject({ answers: 0, peers: 0, timers: 0 });
    expect(isOffered(toB(requestOf(1)))).toBe(true);
  });

  //= R-FA-06
  test('serves no further request of a peer that confirms none of its answers', () => {
    const data = new Uint8Array(LIMITS.piggybackMaxBytes);
    let number = 1;
    for (; isOffered(toB(requestOf(number))); number += 1) {
      pair.b.allocator.handle({ t: 'accept', incoming: number, flow: number, data }, pair.nowUs);
    }
    expect(number).toBeLessThan(1 + LIMITS.answersPerPeerMaxBytes / data.length);
    expect(answersIn(toB(requestOf(number)))).toEqual([errnoOf('FLOWRING_TOO_MANY')]);
    expect(isOffered(toB(requestOf(1), 'other'))).toBe(true);
    pair.b.allocator.handle({ t: 'release', flow: 1 }, pair.nowUs);
    expect(isOffered(toB(requestOf(number)))).toBe(true);
  });

  //= R-FA-06
  test('of many peers is no larger than the bound for all', () => {
    const cache = new AnswerCache();
    const small = new Uint8Array(1_000);
    const peers = Array.from({ length: 64 }, newPeerRequests);
    const bytes = (): number => peers.reduce((sum, one) => sum + one.bytes, 0);
    let number = 0;
    while (bytes() < LIMITS.answersMaxBytes - 20_000) {
      number += 1;
      for (const one of peers) cache.remember(one, number, { answer: small, untilUs: 1e9 });
    }
    const large = new Uint8Array(200_000);
    for (const one of peers) cache.remember(one, number + 1, { answer: large, untilUs: 1e9 });
    expect(bytes()).toBeLessThanOrEqual(LIMITS.answersMaxBytes);
  });

  //= R-FA-06
  test('refuses a low number no longer than a copy of it may come', () => {
    const [cache, requests] = [new AnswerCache(), newPeerRequests()];
    const answer = new Uint8Array(LIMITS.answersPerPeerMaxBytes);
    cache.remember(requests, 1, { answer, untilUs: 100 });
    cache.remember(requests, 2, { answer: null, untilUs: 1_000 });
    cache.sweep(requests, 100);
    expect([requests.floor, cache.size]).toEqual([0, 1]);
  });

  //= R-FA-06
  test('knows it even when all that it still remembers is forgotten sooner', () => {
    const [cache, requests] = [new AnswerCache(), newPeerRequests()];
    const answer = new Uint8Array(LIMITS.answersPerPeerMaxBytes);
    cache.remember(requests, 1, { answer, untilUs: 100 });
    cache.remember(requests, 2, { answer: null, untilUs: 10 });
    expect([requests.floor, cache.size]).toEqual([1, 1]);
    expect([cache.sweep(requests, 99), cache.size]).toEqual([true, 0]);
    expect(cache.sweep(requests, 100)).toBe(false);
  });
});
