import { LIMITS, qosCubes } from '@flowring/common';
import {
  decodeFaPdu,
  encodeFaPdu,
  PROBE_FLOWS_MAX,
  type FaBody,
} from '../../../packages/ipcpd/src/core/fa-pdu.ts';
import { bytesEqual, demand, type FuzzTarget } from '../engine/target.ts';

const ID = 'abcdefghijklmnop';
const pair = { sEid: 7, rEid: 9 };
const BODIES: readonly FaBody[] = [
  {
    t: 'request',
    id: ID,
    sEid: 7,
    timeoutMs: 5_000,
    qos: { ...qosCubes.data },
    name: 'oecho',
    data: Uint8Array.of(1, 2),
  },
  { t: 'answer', id: ID, ...pair, errno: 0, data: Uint8Array.of(3) },
  { t: 'cancel', id: ID, sEid: 7 },
  { t: 'confirm', ...pair },
  { t: 'down', ...pair, errno: 4 },
  { t: 'alive', solicit: true, digests: new Uint32Array(16).fill(5) },
  { t: 'probe', flows: [pair, pair] },
  { t: 'verdict', flows: [{ ...pair, status: 0xffff }] },
];

/** One PDU of each type. */
export const FA_PDUS: readonly Uint8Array[] = BODIES.map((body) => encodeFaPdu(0x01020304, body));

export const target: FuzzTarget = {
  name: 'fa-pdu',
  about:
    'flow allocator PDUs: decoding is total and bounded, and encoding what was decoded gives the same bytes',
  maxBytes: 400,
  seeds: FA_PDUS,
  run(input) {
    const pdu = decodeFaPdu(input);
    if (pdu === null) return;
    if (pdu.t === 'request') demand(pdu.name.length <= LIMITS.nameMaxBytes, 'name over its limit');
    if (pdu.t === 'probe' || pdu.t === 'verdict')
      demand(pdu.flows.length <= PROBE_FLOWS_MAX, 'more flows than the bound');
    if ('data' in pdu) {
      demand(pdu.data.length <= LIMITS.piggybackMaxBytes, 'data over its limit');
      demand(pdu.data.buffer !== input.buffer, 'refers to the bytes that came');
    }
    demand(bytesEqual(encodeFaPdu(pdu.epoch, pdu), input), 'another encoding of the same PDU');
  },
};
