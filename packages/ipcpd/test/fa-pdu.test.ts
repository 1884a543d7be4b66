import { describe, expect, test } from '@jest/globals';
import { qosCubes } from '@flowring/common';
import * as fc from 'fast-check';
import type { FaBody } from '../src/core/fa-pdu.ts';
import { decodeFaPdu, DIGEST_BUCKETS, encodeFaPdu, PROBE_FLOWS_MAX } from '../src/core/fa-pdu.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const id = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => String.fromCharCode(...bytes));
const data = fc.uint8Array({ maxLength: 300 });
const pair = { sEid: u32, rEid: u32 };

const bodies: fc.Arbitrary<FaBody> = fc.oneof(
  fc.record({
    t: fc.constant('request' as const),
    id,
    sEid: u32,
    timeoutMs: u32,
    qos: fc.constantFrom(...Object.values(qosCubes)),
    name: fc.constantFrom('a', 'oecho', 'näme', '\ufeffbom', 'x'.repeat(255)),
    data,
  }),
  fc.record({ t: fc.constant('answer' as const), id, ...pair, errno: u16, data }),
  fc.record({ t: fc.constant('cancel' as const), id, sEid: u32 }),
  fc.record({ t: fc.constant('confirm' as const), ...pair }),
  fc.record({ t: fc.constant('down' as const), ...pair, errno: u16 }),
  fc.record({
    t: fc.constant('alive' as const),
    solicit: fc.boolean(),
    digests: fc.uint32Array({ minLength: DIGEST_BUCKETS, maxLength: DIGEST_BUCKETS }),
  }),
  fc.record({ t: fc.constant('probe' as const), flows: fc.array(fc.record(pair), { maxLength: 110 }) }),
  fc.record({
    t: fc.constant('verdict' as const),
    flows: fc.array(fc.record({ ...pair, status: u16 }), { maxLength: PROBE_FLOWS_MAX }),
  }),
);

describe('the FA codec', () => {
  test.each(golden())('encodes %s as it always did', (_type, body, hex) => {
    expect(Buffer.from(encodeFaPdu(0x01020304, body)).toString('hex')).toBe(hex);
    expect(decodeFaPdu(Buffer.from(hex, 'hex'))).toEqual({ epoch: 0x01020304, ...body });
  });

  test('decodes what it encoded', () => {
    fc.assert(
      fc.property(u32, bodies, (epoch, body) => {
        expect(decodeFaPdu(encodeFaPdu(epoch, body))).toEqual({ epoch, ...body });
      }),
      { numRuns: 2_000 },
    );
  });

  test('never throws on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeFaPdu(bytes);
      }),
      { numRuns: 5_000 },
    );
  });

  test('refuses every PDU that was cut or extended', () => {
    fc.assert(
      fc.property(bodies, fc.nat(), (body, cut) => {
        const bytes = encodeFaPdu(1, body);
        expect(decodeFaPdu(bytes.subarray(0, cut % bytes.length))).toBeNull();
        expect(decodeFaPdu(Buffer.concat([bytes, Buffer.of(0)]))).toBeNull();
      }),
      { numRuns: 1_000 },
    );
  });

  test('survives a flipped byte anywhere: another PDU or none', () => {
    fc.assert(
      fc.property(bodies, fc.nat(), fc.integer({ min: 1, max: 255 }), (body, at, flip) => {
        const bytes = encodeFaPdu(1, body);
        bytes[at % bytes.length]! ^= flip;
        const pdu = decodeFaPdu(bytes);
        if (pdu !== null) expect(Buffer.from(encodeFaPdu(pdu.epoch, pdu))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 3_000 },
    );
  });

  test('drops another version', () => {
    const bytes = encodeFaPdu(1, { t: 'confirm', sEid: 1, rEid: 2 });
    bytes[1] = 2;
    expect(decodeFaPdu(bytes)).toBeNull();
  });

  test('keeps probes and verdicts below the packet every path carries', () => {
    const flows = Array.from({ length: PROBE_FLOWS_MAX }, () => ({ sEid: 1, rEid: 2, status: 0 }));
    expect(encodeFaPdu(1, { t: 'verdict', flows }).length).toBeLessThanOrEqual(1_200);
  });
});

function golden(): [string, FaBody, string][] {
  const text = '0123456789abcdef';
  const ids = Buffer.from(text).toString('hex');
  const none = new Uint8Array(0);
  const digests = new Uint32Array(DIGEST_BUCKETS).fill(5);
  return [
    [
      'a request',
      {
        t: 'request',
        id: text,
        sEid: 7,
        timeoutMs: 2_000,
        qos: qosCubes.video,
        name: 'echo',
        data: Uint8Array.of(9),
      },
      `fa01010001020304${ids}00000007000007d000000064001fffffffffffff000000010000000000000064` +
        '0001d4c00301000400016563686f09',
    ],
    [
      'an answer',
      { t: 'answer', id: text, sEid: 8, rEid: 7, errno: 0, data: none },
      `fa01020001020304${ids}00000008000000070000` + '0000',
    ],
    ['a cancel', { t: 'cancel', id: text, sEid: 7 }, `fa01030001020304${ids}00000007`],
    ['a confirm', { t: 'confirm', sEid: 7, rEid: 8 }, 'fa010400010203040000000700000008'],
    ['a down', { t: 'down', sEid: 7, rEid: 8, errno: 1_006 }, 'fa01050001020304000000070000000803ee'],
    ['a keepalive', { t: 'alive', solicit: true, digests }, `fa01060101020304${'00000005'.repeat(16)}`],
    ['a probe', { t: 'probe', flows: [{ sEid: 7, rEid: 8 }] }, 'fa0107000102030400010000000700000008'],
    [
      'a verdict',
      { t: 'verdict', flows: [{ sEid: 7, rEid: 8, status: 0xffff }] },
      'fa0108000102030400010000000700000008ffff',
    ],
  ];
}
