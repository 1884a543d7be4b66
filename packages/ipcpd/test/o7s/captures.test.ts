import { describe, expect, test } from '@jest/globals';
import { kindOfDatagram, readEid, writeEid } from '../../src/core/o7s/datagram.ts';
import { requestHash, requestHashBytes } from '../../src/core/o7s/digest.ts';
import type { FlowReply, FlowRequest, ManagementFrame } from '../../src/core/o7s/management-frame.ts';
import { decodeFrame, encodeFrame } from '../../src/core/o7s/management-frame.ts';
import { hostOfHash, nameHash } from '../../src/core/o7s/name-hash.ts';
import { replyFault } from '../../src/core/o7s/oap-checks.ts';
import { decodeOap, encodeOap } from '../../src/core/o7s/oap-header.ts';
import { capture, CAPTURES, hexOf } from './captures.ts';
import { nodeDigest } from './node-digest.ts';

/** The frames of a capture, each reply with the latest request it can belong to. */
function exchanges(name: string): { frame: ManagementFrame; bytes: Uint8Array; request: FlowRequest }[] {
  const asked = new Map<number, FlowRequest>();
  return capture(name)
    .filter(({ bytes }) => kindOfDatagram(bytes, 0, bytes.length) === 'management')
    .map(({ bytes }) => {
      const frame = decodeFrame(bytes) as ManagementFrame;
      if (frame.t === 'request') asked.set(frame.sEid, frame);
      return { frame, bytes, request: asked.get(frame.sEid)! };
    });
}

describe.each(CAPTURES)('capture %s', (name) => {
  //= R-OUDP-05
  //= R-OUDP-06
  test('has management frames that decode and encode to the same bytes', () => {
    const all = exchanges(name);
    expect(all.length).toBeGreaterThan(0);
    for (const { frame, bytes } of all) expect(hexOf(encodeFrame(frame))).toBe(hexOf(bytes));
  });

  //= R-OUDP-10
  test('has allocation headers that decode and encode to the same bytes', () => {
    for (const { frame, request } of exchanges(name)) {
      if (frame.oap.length === 0) continue;
      const digestNid = decodeOap(request.oap, 0)!.digestNid;
      const hashBytes = frame.t === 'request' ? 0 : requestHashBytes(digestNid);
      expect(hexOf(encodeOap(decodeOap(frame.oap, hashBytes)!))).toBe(hexOf(frame.oap));
    }
  });

  //= R-OUDP-12
  test('has acceptances that carry the id and the hash of their request', () => {
    for (const { frame, request } of exchanges(name)) {
      if (frame.t !== 'reply' || frame.response !== 0) continue;
      const asked = decodeOap(request.oap, 0)!;
      const hash = requestHash(nodeDigest, asked.digestNid, request.oap);
      const oap = decodeOap(frame.oap, hash.length)!;
      const fault = replyFault({ ...oap, cipherNid: 0, keyExchange: asked.keyExchange }, asked.id, hash);
      expect(fault).toBe(asked.keyExchange.bytes.length === 0 ? null : 'FLOWRING_CRYPT');
      expect(
        replyFault(
          oap,
          asked.id.map((byte) => ~byte),
          hash,
        ),
      ).toBe('stray');
      expect(
        replyFault(
          oap,
          asked.id,
          hash.map((byte) => ~byte),
        ),
      ).toBe('FLOWRING_AUTH');
    }
  });

  //= R-OUDP-01
  test('has data of flows whose endpoint id is read and written back', () => {
    const eids = new Set<number>();
    for (const { frame } of exchanges(name)) {
      eids.add(frame.sEid);
      if (frame.t === 'reply') eids.add(frame.dEid);
    }
    for (const { bytes } of capture(name)) {
      const kind = kindOfDatagram(bytes, 0, bytes.length);
      if (kind === 'management') continue;
      expect(kind).toBe(bytes.length === 4 ? 'keepalive' : 'data');
      const eid = readEid(bytes, 0);
      const again = bytes.slice();
      again.fill(0xee, 0, 4);
      expect(writeEid(again, 0, eid)).toBe(4);
      expect(hexOf(again)).toBe(hexOf(bytes));
      // One packet of an earlier flow came into this capture.
      if (name !== 'keepalive-2s') expect(eids).toContain(eid);
    }
  });
});

//= R-OUDP-20
test('the hash of a name is the one that C asks for', () => {
  const [request] = exchanges('raw-oping');
  const hash = (request!.frame as FlowRequest).nameHash;
  expect(hash).toEqual(nameHash(nodeDigest, 'oping'));
  expect(hostOfHash(hash)).toBe('7862c6fec5ecaef4aa2e3934725e23b3');
  expect(exchanges('oap-authenc-raw')[0]!.request.nameHash).toEqual(nameHash(nodeDigest, 'authenc'));
});

test('what the worked example says of its fields is what is read', () => {
  const [asked, answered] = exchanges('raw-oping').map(({ frame }) => frame) as [FlowRequest, FlowReply];
  expect(asked.sEid).toBe(64);
  expect(asked.qos).toEqual({
    delay: 0xffff_ffff,
    bandwidth: 0,
    availability: 0,
    loss: 1,
    ber: 1,
    inOrder: 0,
    maxGap: 0xffff_ffff,
    timeout: 120_000,
  });
  expect(decodeOap(asked.oap, 0)).toMatchObject({ stampNs: 1_795_231_698_509_967_267n, digestNid: 0 });
  expect(answered).toMatchObject({ sEid: 64, dEid: 64, response: 0 });
  expect(answered.oap.length).toBe(84);
});

test('a capture with certificates and encryption has every part where it belongs', () => {
  const [asked, answered] = exchanges('oap-authenc-raw').map(({ frame }) => frame);
  const request = decodeOap(asked!.oap, 0)!;
  expect([request.cipherNid, request.kdfNid, request.digestNid]).toEqual([901, 672, 672]);
  const sizes = (oap: typeof request): number[] => [
    oap.certificate.length,
    oap.keyExchange.bytes.length,
    oap.data.length,
    oap.requestHash.length,
    oap.signature.length,
  ];
  expect(sizes(request)).toEqual([287, 91, 0, 0, 70]);
  expect(sizes(decodeOap(answered!.oap, 32)!)).toEqual([293, 91, 0, 32, 70]);
});
