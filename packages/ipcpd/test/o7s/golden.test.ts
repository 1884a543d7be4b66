// What our allocator says where the C prototype said something, byte for byte but for the clock.
import { describe, expect, test } from '@jest/globals';
import { qosCubes } from '@flowring/common';
import type { FlowReply, FlowRequest } from '../../src/core/o7s/management-frame.ts';
import { decodeFrame, REQUEST_BYTES } from '../../src/core/o7s/management-frame.ts';
import { HashedNames } from '../../src/core/o7s/name-hash.ts';
import { decodeOap, OAP_ID_BYTES } from '../../src/core/o7s/oap-header.ts';
import { O7sAllocator } from '../../src/core/o7s/o7s-allocator.ts';
import { capture, hexOf } from './captures.ts';
import { nodeDigest } from './node-digest.ts';

const PARAMS = { mplMs: 5_000, aMs: 15, rMs: 120_000, mtuBytes: 8_976, wire: 'o7s' } as const;
const REPLY_BYTES = 47;
const SPARE_DRAW = 99;
/** When the request would be tried again. */
const JITTER_DRAW = 0;

/** An allocator that draws these numbers, at this UTC. */
function allocatorThat(
  draws: readonly number[],
  utcUs: number,
): { allocator: O7sAllocator; names: HashedNames } {
  const names = new HashedNames(nodeDigest);
  const left = [...draws];
  const random = (): number => left.shift() ?? SPARE_DRAW;
  return {
    names,
    allocator: new O7sAllocator({ params: PARAMS, names, digest: nodeDigest, random, utcUs: () => utcUs }),
  };
}

/** A frame without the stamp of its allocation header, which begins at `oapAt`. */
function unstamped(frame: Uint8Array, oapAt: number): string {
  const bytes = frame.slice();
  bytes.fill(0, oapAt + OAP_ID_BYTES, oapAt + OAP_ID_BYTES + 8);
  return hexOf(bytes);
}

const wordsOf = (bytes: Uint8Array): number[] =>
  [0, 4, 8, 12].map((at) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at));

describe.each([
  ['raw-oping', qosCubes.raw],
  ['frcp-oping-data', qosCubes.data],
  ['frcp-oping-best', qosCubes.bestEffort],
] as const)('the allocation of %s', (name, qos) => {
  const [asked, answered] = capture(name).map(({ bytes }) => bytes) as [Uint8Array, Uint8Array];
  const request = decodeFrame(asked) as FlowRequest;
  const { id, stampNs } = decodeOap(request.oap, 0)!;
  const utcUs = Number(stampNs / 1_000n);

  test('begins with the request that C sent', () => {
    const { allocator } = allocatorThat([JITTER_DRAW, ...wordsOf(id), request.sEid], utcUs);
    const input = { t: 'request', flow: 1, peer: 'c', name: 'oping', qos, timeoutMs: 20_000 } as const;
    const [sent] = allocator.handle(input, 0);
    expect(sent).toMatchObject({ t: 'send', peer: 'c' });
    const { pdu } = sent as Extract<typeof sent, { t: 'send' }>;
    expect(unstamped(pdu, REQUEST_BYTES)).toBe(unstamped(asked, REQUEST_BYTES));
  });

  test('is answered as C answered it', () => {
    const { allocator, names } = allocatorThat([(decodeFrame(answered) as FlowReply).dEid], utcUs);
    names.register('oping');
    allocator.handle({ t: 'pdu', peer: 'c', pdu: asked }, 0);
    const outputs = allocator.handle({ t: 'accept', incoming: 1, flow: 1 }, 1_000);
    const sent = outputs.find((output) => output.t === 'send')!;
    expect(unstamped(sent.pdu, REPLY_BYTES)).toBe(unstamped(answered, REPLY_BYTES));
  });
});
