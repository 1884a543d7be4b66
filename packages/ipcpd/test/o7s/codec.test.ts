import { describe, expect, test } from '@jest/globals';
import { qosCubes, type QosSpec } from '@flowring/common';
import * as fc from 'fast-check';
import {
  DATAGRAM_MAX_BYTES,
  encodeKeepalive,
  fitsDatagram,
  isFrcpRunt,
  kindOfDatagram,
  readEid,
} from '../../src/core/o7s/datagram.ts';
import { isDigestNid, requestHash, requestHashBytes } from '../../src/core/o7s/digest.ts';
import type { ManagementFrame } from '../../src/core/o7s/management-frame.ts';
import {
  decodeFrame,
  encodeFrame,
  FRAME_MAX_BYTES,
  OAP_MAX_BYTES,
} from '../../src/core/o7s/management-frame.ts';
import { HashedNames, nameHash } from '../../src/core/o7s/name-hash.ts';
import { isFresh, requestRefusal, stampOf } from '../../src/core/o7s/oap-checks.ts';
import { decodeOap, encodeOap, plainOap, type OapHeader } from '../../src/core/o7s/oap-header.ts';
import { requestableQos } from '../../src/core/o7s/qos-fields.ts';
import { nodeDigest } from './node-digest.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const i32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const oapBytes = (maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.constant(new Uint8Array(maxLength).fill(0xa5)));
const cipherNid = fc.constantFrom(0, 895, 898, 901, 904, 905, 906, 1018);
const digestNid = fc.constantFrom(0, 672, 673, 674, 1056, 1057, 1096, 1097, 1098);
const qos: fc.Arbitrary<QosSpec> = fc.record({
  delay: u32,
  bandwidth: fc.maxSafeNat(),
  availability: fc.integer({ min: 0, max: 255 }),
  loss: u32,
  ber: u32,
  inOrder: fc.constantFrom(0 as const, 1 as const),
  maxGap: u32,
  timeout: u32,
});
const frames: fc.Arbitrary<ManagementFrame> = fc.oneof(
  fc.record({
    t: fc.constant('request' as const),
    sEid: u32,
    qos: fc.oneof(qos, fc.constantFrom(...Object.values(qosCubes))),
    nameHash: bytesOf(16),
    oap: oapBytes(OAP_MAX_BYTES.request),
  }),
  fc.record({
    t: fc.constant('reply' as const),
    sEid: u32,
    dEid: u32,
    response: i32,
    oap: oapBytes(OAP_MAX_BYTES.reply),
  }),
);
const headers: fc.Arbitrary<OapHeader> = fc
  .record({
    id: bytesOf(16),
    stampNs: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
    cipherNid,
    kdfNid: digestNid,
    digestNid,
    certificate: fc.uint8Array({ maxLength: 40 }),
    keyExchange: fc.record({
      isRaw: fc.boolean(),
      clientEncapsulates: fc.boolean(),
      bytes: fc.uint8Array({ maxLength: 300 }),
    }),
    data: fc.uint8Array({ maxLength: 30 }),
    requestHash: fc.constantFrom(0, 32, 48, 64).chain(bytesOf),
    signature: fc.uint8Array({ maxLength: 70 }),
  })
  .map((oap) => (oap.certificate.length === 0 ? { ...oap, signature: new Uint8Array(0) } : oap));

//= R-OUDP-05
describe('management frames', () => {
  test('decode to what was encoded', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const bytes = encodeFrame(frame);
        expect(bytes.length).toBeLessThanOrEqual(FRAME_MAX_BYTES);
        expect(decodeFrame(bytes)).toEqual(frame);
      }),
      { numRuns: 200 },
    );
  });

  test('never throw on any bytes, also not on those that begin like one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(2), (bytes, code) => {
        decodeFrame(bytes);
        if (bytes.length < 45) return;
        bytes.fill(0, 0, 4);
        bytes[44] = code;
        const frame = decodeFrame(bytes);
        if (typeof frame !== 'string') decodeOap(frame.oap, 48);
      }),
      { numRuns: 500 },
    );
  });

  test('refer to nothing of the bytes they came in', () => {
    const bytes = encodeFrame({ t: 'reply', sEid: 1, dEid: 2, response: 0, oap: Uint8Array.of(7) });
    const frame = decodeFrame(bytes) as ManagementFrame;
    bytes.fill(0);
    expect(frame.oap).toEqual(Uint8Array.of(7));
  });

  test.each([
    ['runt', 46],
    ['runt', 62],
    ['oversize', 2_049],
  ])('are a %s with %d bytes', (fault, length) => {
    const bytes = new Uint8Array(length);
    bytes[44] = 1;
    expect(decodeFrame(bytes)).toBe(fault);
  });

  test('of 47 bytes are a reply but no request', () => {
    const bytes = new Uint8Array(47);
    bytes[44] = 2;
    expect(decodeFrame(bytes)).toMatchObject({ t: 'reply' });
    bytes[44] = 1;
    expect(decodeFrame(bytes)).toBe('runt');
  });

  test.each([0, 3, 255])('of code %d are unknown', (code) => {
    const bytes = new Uint8Array(99);
    bytes[44] = code;
    expect(decodeFrame(bytes)).toBe('unknown-code');
  });

  test('have endpoint id 0', () => {
    const bytes = new Uint8Array(99);
    bytes[3] = 1;
    bytes[44] = 1;
    expect(decodeFrame(bytes)).toBe('not-management');
  });
});

//= R-OUDP-06
describe('the QoS of a request', () => {
  const spoken = (spec: QosSpec): Uint8Array =>
    encodeFrame({ t: 'request', sEid: 1, qos: spec, nameHash: new Uint8Array(16), oap: new Uint8Array(0) });

  test('without a bound on bandwidth has all bits set, as the video cube of C', () => {
    const bytes = spoken(qosCubes.video);
    expect(bytes.subarray(16, 24)).toEqual(new Uint8Array(8).fill(0xff));
    expect(decodeFrame(bytes)).toMatchObject({ qos: qosCubes.video });
  });

  test('with a bandwidth beyond exact integers is unbounded', () => {
    const bytes = spoken(qosCubes.voice);
    bytes[16] = 0x80;
    expect(decodeFrame(bytes)).toMatchObject({ qos: { bandwidth: Number.MAX_SAFE_INTEGER } });
  });

  test('is in order for any value but 0', () => {
    const bytes = spoken(qosCubes.raw);
    bytes[46] = 7;
    expect(decodeFrame(bytes)).toMatchObject({ qos: { inOrder: 1 } });
  });

  //= R-OUDP-07
  test('never asks for ber 0', () => {
    expect(requestableQos(qosCubes.data)).toEqual({ ...qosCubes.data, ber: 1 });
    const lossy = { ...qosCubes.data, ber: 5 };
    expect(requestableQos(lossy)).toBe(lossy);
  });
});

//= R-OUDP-10
describe('allocation headers', () => {
  test('decode to what was encoded', () => {
    fc.assert(
      fc.property(headers, (oap) => {
        expect(decodeOap(encodeOap(oap), oap.requestHash.length)).toEqual(oap);
      }),
      { numRuns: 200 },
    );
  });

  test('never throw on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(64), (bytes, hashBytes) => {
        const oap = decodeOap(bytes, hashBytes);
        if (oap !== null) expect(encodeOap(oap)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  test('that were cut are none', () => {
    fc.assert(
      fc.property(headers, fc.nat(), (oap, cut) => {
        const bytes = encodeOap(oap);
        const fixed = bytes.length - oap.signature.length;
        expect(decodeOap(bytes.subarray(0, cut % fixed), oap.requestHash.length)).toBeNull();
      }),
    );
  });

  test('without a certificate end where their last part ends', () => {
    const bytes = encodeOap(plainOap(new Uint8Array(16), 1n));
    expect(decodeOap(bytes, 0)).not.toBeNull();
    expect(decodeOap(Buffer.concat([bytes, Buffer.of(0)]), 0)).toBeNull();
  });

  test.each([24, 26, 28])('with an unknown algorithm at offset %d are none', (at) => {
    const bytes = encodeOap(plainOap(new Uint8Array(16), 1n));
    bytes[at + 1] = 1;
    expect(decodeOap(bytes, 0)).toBeNull();
  });
});

//= R-OUDP-12
test.each([672, 673, 674, 1056, 1057, 1096, 1097, 1098])(
  'the request hash of digest %d is as long as told',
  (nid) => {
    expect(isDigestNid(nid)).toBe(true);
    expect(requestHash(nodeDigest, nid, Uint8Array.of(1)).length).toBe(requestHashBytes(nid));
  },
);

test('an unknown digest hashes to nothing', () => {
  expect(requestHashBytes(1)).toBe(0);
  expect(requestHash(nodeDigest, 1, Uint8Array.of(1)).length).toBe(0);
});

//= R-OUDP-11
describe('the stamp of a request', () => {
  const utcUs = 1_795_231_698_509_967;

  test.each([
    [100_999, true],
    [101_000, false],
    [-20_000_999, true],
    [-20_001_000, false],
    [0, true],
  ])('%d us ahead of our clock: fresh is %s, in whole milliseconds as in C', (aheadUs, fresh) => {
    expect(isFresh(stampOf(utcUs + aheadUs), utcUs)).toBe(fresh);
  });

  test('is made of a clock with fractions too', () => {
    expect(stampOf(1.75)).toBe(1_000n);
  });

  test('may be anything: it is fresh or not', () => {
    for (const stampNs of [0n, 0x7fff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 0xffff_ffff_ffff_ffffn])
      expect(isFresh(stampNs, utcUs)).toBe(false);
  });
});

//= R-OUDP-13
test('a request for encryption is refused, one with a certificate or a cipher alone is anonymous and in clear', () => {
  const utcUs = 1_000_000;
  const plain = plainOap(new Uint8Array(16), stampOf(utcUs));
  const keyExchange = { ...plain.keyExchange, bytes: Uint8Array.of(1) };
  expect(requestRefusal({ ...plain, keyExchange }, utcUs)).toBe('FLOWRING_CRYPT');
  expect(requestRefusal({ ...plain, certificate: Uint8Array.of(1), cipherNid: 901 }, utcUs)).toBeNull();
  expect(requestRefusal({ ...plain, stampNs: 0n }, 100_000_000)).toBe('FLOWRING_AUTH');
});

describe('datagrams', () => {
  //= R-OUDP-01
  test('are told apart by length and endpoint id', () => {
    const kindOf = (...bytes: number[]): string =>
      kindOfDatagram(Uint8Array.from([9, ...bytes, 9]), 1, bytes.length + 1);
    expect(kindOf()).toBe('runt');
    expect(kindOf(0, 0, 0)).toBe('runt');
    expect(kindOf(0, 0, 0, 0)).toBe('management');
    expect(kindOf(0, 0, 0, 64)).toBe('keepalive');
    expect(kindOf(255, 255, 255, 255, 1)).toBe('data');
  });

  //= R-OUDP-03
  test('of no more than an endpoint id are keepalives, for any id', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0xffff_ffff }), (eid) => {
        const bytes = encodeKeepalive(eid);
        expect(kindOfDatagram(bytes, 0, bytes.length)).toBe('keepalive');
        expect(readEid(bytes, 0)).toBe(eid);
      }),
    );
  });

  //= R-OUDP-02
  test('hold 8976 bytes of packet over IPv4 and 8948 over IPv6', () => {
    expect([fitsDatagram(8_976, 'udp4'), fitsDatagram(8_977, 'udp4')]).toEqual([true, false]);
    expect([fitsDatagram(8_948, 'udp6'), fitsDatagram(8_949, 'udp6')]).toEqual([true, false]);
    expect(DATAGRAM_MAX_BYTES).toEqual({ udp4: 8_980, udp6: 8_952 });
  });

  //= R-OUDP-04
  test('of an FRCP flow are runts with 1 to 11 bytes of packet', () => {
    expect([0, 1, 4, 11, 12].map(isFrcpRunt)).toEqual([false, true, true, true, false]);
  });
});

//= R-OUDP-21
describe('registered names', () => {
  test('are found by their hash until they are unregistered', () => {
    const names = new HashedNames(nodeDigest);
    expect([names.register('oping'), names.register('oping'), names.register('ech\u00f6')]).toEqual([
      true,
      true,
      true,
    ]);
    expect(names.nameOf(nameHash(nodeDigest, 'ech\u00f6'))).toBe('ech\u00f6');
    names.unregister('oping');
    expect(names.nameOf(nameHash(nodeDigest, 'oping'))).toBeNull();
    expect(names.size).toBe(1);
  });

  test('do not take the place of another name of the same hash', () => {
    const names = new HashedNames(() => new Uint8Array(16));
    expect([names.register('a'), names.register('b')]).toEqual([true, false]);
    names.unregister('b');
    expect(names.nameOf(new Uint8Array(16))).toBe('a');
  });
});
