import { createHash } from 'node:crypto';
import { qosCubes } from '@flowring/common';
import { kindOfDatagram } from '../../../packages/ipcpd/src/core/o7s/datagram.ts';
import { requestHashBytes } from '../../../packages/ipcpd/src/core/o7s/digest.ts';
import {
  decodeFrame,
  encodeFrame,
  FRAME_BYTES,
  FRAME_MAX_BYTES,
  REQUEST_BYTES,
} from '../../../packages/ipcpd/src/core/o7s/management-frame.ts';
import type { ManagementFrame } from '../../../packages/ipcpd/src/core/o7s/management-frame.ts';
import { decodeOap, encodeOap, plainOap } from '../../../packages/ipcpd/src/core/o7s/oap-header.ts';
import { bytesEqual, demand, type FuzzTarget } from '../engine/target.ts';

const ID = new Uint8Array(16).fill(7);
const STAMP_NS = 1_795_231_698_509_967_267n;
const EMPTY = new Uint8Array(0);
const PLAIN = plainOap(ID, STAMP_NS);
const HASH = new Uint8Array(createHash('sha384').update(encodeOap(PLAIN)).digest());
const FULL = {
  ...PLAIN,
  cipherNid: 901,
  kdfNid: 672,
  digestNid: 672,
  certificate: Uint8Array.of(1, 2, 3),
  keyExchange: { isRaw: true, clientEncapsulates: true, bytes: Uint8Array.of(4, 5) },
  data: Uint8Array.of(6),
  signature: Uint8Array.of(8, 9),
};

/** One frame of each shape. */
export const O7S_FRAMES: readonly Uint8Array[] = [
  encodeFrame({ t: 'request', sEid: 64, qos: qosCubes.data, nameHash: ID, oap: encodeOap(PLAIN) }),
  encodeFrame({ t: 'request', sEid: 64, qos: qosCubes.video, nameHash: ID, oap: encodeOap(FULL) }),
  encodeFrame({ t: 'reply', sEid: 64, dEid: 65, response: 0, oap: encodeOap(plainOap(ID, STAMP_NS, HASH)) }),
  encodeFrame({ t: 'reply', sEid: 64, dEid: 0, response: -1_009, oap: EMPTY }),
];

/** An allocation header is what its bytes are: none are left over, none mean the same. */
function checkOap(bytes: Uint8Array, hashBytes: number): void {
  const oap = decodeOap(bytes, hashBytes);
  if (oap === null) return;
  for (const part of [oap.id, oap.certificate, oap.keyExchange.bytes, oap.data, oap.requestHash])
    demand(part.buffer !== bytes.buffer, 'refers to the bytes that came');
  demand(bytesEqual(encodeOap(oap), bytes), 'another encoding of the same header');
}

/** Fields that a frame does not use are not read, so the bytes need not return; the frame does. */
function checkFrame(frame: ManagementFrame, input: Uint8Array): void {
  demand(frame.oap.buffer !== input.buffer, 'refers to the bytes that came');
  const again = encodeFrame(frame);
  demand(again.length === input.length, 'a frame of another length');
  const decoded = decodeFrame(again);
  demand(typeof decoded !== 'string' && decoded.t === frame.t, 'what was encoded is no such frame');
  demand(bytesEqual(encodeFrame(decoded), again), 'another encoding of the same frame');
}

export const target: FuzzTarget = {
  name: 'o7s-frame',
  about:
    'frames of the C prototype and their allocation headers: decoding is total and bounded, and loses nothing',
  maxBytes: 400,
  seeds: O7S_FRAMES,
  run(input) {
    checkOap(input, 0);
    for (const nid of [0, 672, 674]) checkOap(input, requestHashBytes(nid));
    const kind = kindOfDatagram(input, 0, input.length);
    demand((kind === 'runt') === input.length < 4, 'what is a runt depends on more than the length');
    const frame = decodeFrame(input);
    if (typeof frame === 'string') return;
    demand(kind === 'management', 'a frame that is no management');
    demand(input.length >= (frame.t === 'request' ? REQUEST_BYTES : FRAME_BYTES), 'a frame too short for C');
    demand(input.length <= FRAME_MAX_BYTES, 'a frame too long for C');
    checkFrame(frame, input);
    checkOap(frame.oap, frame.t === 'request' ? 0 : requestHashBytes(0));
  },
};
