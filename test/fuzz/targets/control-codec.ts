import { deepStrictEqual } from 'node:assert';
import { Packr } from 'msgpackr';
import { decodeControl, encodeControl, LIMITS, peekControl, type ControlMessage } from '@flowring/common';
import { decodeGreeting, encodeGreeting } from '../../../packages/control/src/greeting.ts';
import { bytesEqual, demand, type FuzzTarget } from '../engine/target.ts';

const packr = new Packr({ useRecords: false, moreTypes: false });
const qos = [1, 2, 3, 0, 0, 1, 7, 8];
const open = { id: 1, kind: 'shm', side: 'a', path: '/dev/shm/x', ringBytes: 4_096, token: 't' };
const SEEDS = [
  { t: 'hello', req: 1, version: 1, kind: 'app', program: 'p', path: '/p', channels: ['shm', 'unix'] },
  { t: 'alloc', req: 1, name: 'n', qos, timeoutMs: 5, layer: 'l', direct: true, data: Buffer.from('x') },
  { t: 'allocated', req: 1, flow: 2, qos: 0, channel: 3, open, params: [1, 2, 3, 4], peer: [1, 2, 'p'] },
  { t: 'bind-program', req: 1, program: '/p', name: 'n', auto: true, args: ['a', 'b'] },
  { t: 'ipcp-configure', req: 1, ipcp: 'i', layer: 'l', config: { a: [1, null, 'x'] } },
  { t: 'name-create', req: 1, name: 'n', policy: 'spillover' },
  { t: 'error', req: 1, code: 'FLOWRING_TIMEOUT', message: 'm', details: { name: 'n', ms: 5 } },
];

/** Fields that hold any msgpack value are their reader's to judge. */
function withoutValues(message: ControlMessage): object {
  return { ...message, value: undefined, config: undefined };
}

export const target: FuzzTarget = {
  name: 'control-codec',
  about: 'control messages: decoding is total, and what was decoded survives encoding and decoding',
  maxBytes: 400,
  seeds: SEEDS.map((message) => Uint8Array.from(packr.pack(message))),
  run(input) {
    const frame = Buffer.from(input);
    const peek = peekControl(frame);
    const greeting = decodeGreeting(frame);
    if (greeting !== null)
      demand(bytesEqual(encodeGreeting(greeting), input.subarray(0, 24)), 'another greeting');
    const message = decodeControl(frame);
    if (message === null) return;
    demand(peek.type === message.t, 'a peek sees another type');
    demand(input.length <= LIMITS.controlFrameMaxBytes, 'a message over its limit');
    const again = decodeControl(encodeControl(message));
    demand(again !== null, 'what was decoded does not survive encoding');
    deepStrictEqual(withoutValues(again), withoutValues(message));
  },
};
