import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { frameOf, FrameSplitter } from '../src/frame-splitter.ts';
import { LIMITS } from '../src/limits.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const join = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** Feeds `stream` cut at the given lengths (the last one repeats) and returns copies of the frames. */
function split(stream: Uint8Array, cuts: readonly number[], frameMaxBytes?: number): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const splitter = new FrameSplitter((frame) => frames.push(frame.slice()), frameMaxBytes);
  for (let at = 0, i = 0; at < stream.length; i++) {
    const length = cuts[Math.min(i, cuts.length - 1)]!;
    splitter.push(stream.subarray(at, at + length));
    at += length;
  }
  return frames;
}

describe('FrameSplitter', () => {
  test('finds the frames of a stream that comes byte by byte', () => {
    const payloads = [bytes(1), bytes(2, 3), new Uint8Array(300).fill(7)];
    expect(split(join(payloads.map(frameOf)), [1])).toEqual(payloads);
  });

  test('finds the same frames however the stream is cut', () => {
    const payload = fc.uint8Array({ minLength: 1, maxLength: 600 });
    const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 8 }), cuts, (payloads, lengths) => {
        expect(split(join(payloads.map(frameOf)), lengths)).toEqual(payloads);
      }),
    );
  });

  test('hands out nothing before a frame is whole', () => {
    expect(split(frameOf(bytes(1, 2, 3)).subarray(0, 6), [2])).toEqual([]);
  });

  test('takes a frame of the largest length and refuses one byte more', () => {
    expect(split(frameOf(new Uint8Array(16)), [5], 16)).toHaveLength(1);
    const splitter = new FrameSplitter(() => undefined, 16);
    expect(splitter.push(frameOf(new Uint8Array(17)))).toBe(false);
  });

  test('a length over the default bound ends the stream at the header, before the body came', () => {
    const header = new Uint8Array(4);
    new DataView(header.buffer).setUint32(0, LIMITS.controlFrameMaxBytes + 1, true);
    expect(new FrameSplitter(() => undefined).push(header)).toBe(false);
  });

  test('a length of zero ends the stream', () => {
    expect(new FrameSplitter(() => undefined).push(bytes(0, 0, 0, 0))).toBe(false);
  });

  test('a stream that has ended stays ended, even for good frames', () => {
    const frames: Uint8Array[] = [];
    const splitter = new FrameSplitter((frame) => frames.push(frame));
    splitter.push(bytes(255, 255, 255, 255));
    expect(splitter.push(frameOf(bytes(1)))).toBe(false);
    expect(frames).toEqual([]);
  });

  test('delivers the frames in front of a broken one', () => {
    expect(split(join([frameOf(bytes(9)), bytes(0, 0, 0, 0)]), [64])).toEqual([bytes(9)]);
  });
});
