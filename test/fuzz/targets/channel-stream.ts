import { Mux } from '../../../packages/channel/src/core/mux.ts';
import { createSlab, type Link } from '../../../packages/channel/src/core/link.ts';
import { SlabPool } from '../../../packages/channel/src/core/slab-pool.ts';
import { StreamReader } from '../../../packages/channel/src/core/stream-reader.ts';
import { demand, InputReader, type FuzzTarget } from '../engine/target.ts';

const RECORD_MAX_BYTES = 64;
const FLOWS_ATTACHED = [1, 2];

/** A link that takes whatever fits one slab and forgets it. */
function sink(): Link {
  const { buffer, words } = createSlab(4_096);
  return {
    recordMaxBytes: RECORD_MAX_BYTES,
    bytes: buffer,
    words,
    reserve: () => 0,
    commit: () => undefined,
  };
}

/** What receivers were told of a stream that came in chunks of so many bytes. */
function tellingsOf(stream: Uint8Array, chunkBytes: number): string {
  const told: string[] = [];
  const mux = new Mux(sink(), () => undefined);
  for (const id of FLOWS_ATTACHED) {
    const port = mux.attach(id, {
      onMessage: (slab, start, end) => {
        demand(start >= 0 && start <= end && end <= slab.length, 'a message outside its slab');
        told.push(`${id} ${slab.toString('hex', start, end)}`);
        port.consumed(end - start);
      },
      onEnd: (errno) => void told.push(`${id} end ${errno}`),
      onWritable: () => undefined,
    });
  }
  const reader = new StreamReader(mux, new SlabPool(), RECORD_MAX_BYTES);
  let isRight = true;
  for (let at = 0; at < stream.length && isRight && reader.closedErrno < 0; at += chunkBytes)
    isRight = reader.push(Buffer.from(stream.subarray(at, at + chunkBytes)));
  if (isRight) mux.startTurn();
  mux.goDown(isRight ? Math.max(0, reader.closedErrno) : 99);
  for (const id of FLOWS_ATTACHED)
    demand(told.filter((one) => one.startsWith(`${id} end`)).length === 1, 'a flow ends other than once');
  return `${told.join()} ${isRight ? '' : 'broken'} ${reader.closedErrno}`;
}

function record(type: number, flow: number, payload: readonly number[]): number[] {
  const padding = new Array<number>((8 - (payload.length & 7)) & 7).fill(0);
  return [payload.length, 0, 0, type, flow, 0, 0, 0, ...payload, ...padding];
}

export const target: FuzzTarget = {
  name: 'channel-stream',
  about: 'records of a channel as a byte stream: the same messages and ends however the stream is cut',
  maxBytes: 300,
  unitBytes: 8,
  seeds: [
    Uint8Array.from([
      ...[9, 0, 0, 0, 0, 0, 0, 0],
      ...record(0, 1, [1, 2, 3]),
      ...record(1, 2, [4, 5, 6, 7, 8, 9, 10, 11]),
      ...record(0, 2, [12]),
      ...record(3, 1, [32, 0, 0, 0, 0, 0, 0, 0]),
      ...record(0, 3, [1]),
      ...record(2, 0, []),
      ...record(4, 1, [5, 0, 0, 0, 0, 0, 0, 0]),
      ...record(5, 0, [6, 0, 0, 0, 0, 0, 0, 0]),
    ]),
  ],
  run(input) {
    const reader = new InputReader(input);
    const chunkBytes = 1 + reader.u8();
    reader.take(7);
    const stream = reader.rest();
    const whole = tellingsOf(stream, Math.max(1, stream.length));
    const cut = tellingsOf(stream, chunkBytes);
    // A stream that breaks in the middle of a chunk loses what came before in it.
    if (!whole.includes('broken')) demand(whole === cut, 'the cuts decide what arrives');
  },
};
