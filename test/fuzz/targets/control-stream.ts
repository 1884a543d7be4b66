import { FrameSplitter, frameOf } from '../../../packages/common/src/frame-splitter.ts';
import { bytesEqual, demand, InputReader, type FuzzTarget } from '../engine/target.ts';

const FRAME_MAX_BYTES = 40;

interface Split {
  readonly frames: Uint8Array[];
  readonly isBroken: boolean;
}

/** The frames of a stream that comes in chunks of these sizes, again and again. */
function split(stream: Uint8Array, sizes: readonly number[]): Split {
  const frames: Uint8Array[] = [];
  const splitter = new FrameSplitter((frame) => frames.push(frame.slice()), FRAME_MAX_BYTES);
  let isBroken = false;
  for (let at = 0, n = 0; at < stream.length; n++) {
    const end = at + Math.max(1, sizes[n % sizes.length]!);
    const isWhole = splitter.push(stream.slice(at, end));
    demand(!(isBroken && isWhole), 'a broken stream goes on');
    isBroken ||= !isWhole;
    at = end;
  }
  return { frames, isBroken };
}

export const target: FuzzTarget = {
  name: 'control-stream',
  about: 'frames of the lifeline: the same frames however the stream is cut, none over its limit',
  maxBytes: 200,
  seeds: [Uint8Array.of(1, 3, 9, ...frameOf(Uint8Array.of(1, 2, 3)), ...frameOf(Uint8Array.of(7)), 2, 0)],
  run(input) {
    const reader = new InputReader(input);
    const sizes = [reader.u8(), reader.u8(), reader.u8()];
    const stream = reader.rest();
    const whole = split(stream, [Math.max(1, stream.length)]);
    const cut = split(stream, sizes);
    demand(whole.isBroken === cut.isBroken, 'the cuts decide whether a stream is broken');
    demand(whole.frames.length === cut.frames.length, 'the cuts decide how many frames there are');
    whole.frames.forEach((frame, at) => {
      demand(bytesEqual(frame, cut.frames[at]!), 'the cuts decide what a frame holds');
      demand(frame.length <= FRAME_MAX_BYTES, 'a frame over its limit');
    });
    if (whole.isBroken) return;
    const joined = whole.frames.flatMap((frame) => [...frameOf(frame)]);
    demand(
      bytesEqual(Uint8Array.from(joined), stream.subarray(0, joined.length)),
      'frames make another stream',
    );
  },
};
