import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import * as frcp from '@flowring/frcp';
import { CHECKS } from './invariants.ts';
import { turnedKnobs } from './knobs.ts';
import { readCapture, Recorder } from './plot/capture.ts';
import { sequencePlot } from './plot/sequence-plot.ts';
import { runSeed } from './run-seed.ts';
import { shrink } from './shrink.ts';
import { TextTrace } from './trace.ts';

/** A machine that acknowledges what it has not got. */
class Liar extends frcp.FrcpConnection {
  override pollTransmit(now: number, out: Uint8Array, offset: number): number {
    const bytes = super.pollTransmit(now, out, offset);
    if (bytes === 12) out[offset + 7]! += 1;
    return bytes;
  }
}
const LIAR = { ...frcp, FrcpConnection: Liar };

describe('a machine that lies', () => {
  const knobs = { messagesA: 20, lossPct: 10, timeless: 1, thinkUs: 1_000, ratePpmA: 500 };

  test('is found out', () => {
    expect(runSeed(1, 'small', { machine: LIAR, knobs }).violation).toMatchObject({ invariant: 'I8' });
    expect(runSeed(1, 'small', { knobs }).violation).toBeNull();
  });

  test('is found out with fewer knobs after shrinking', () => {
    const failed = runSeed(1, 'small', { machine: LIAR, knobs });
    const { knobs: smallest } = shrink(1, 'small', failed.knobs, { machine: LIAR });
    expect(Object.keys(smallest).length).toBeLessThan(Object.keys(turnedKnobs(failed.knobs)).length);
    const again = runSeed(1, 'small', { machine: LIAR, knobs: smallest });
    expect(again.violation).toMatchObject({ invariant: 'I8' });
  });

  test('that throws violates I40', () => {
    const throws = { ...frcp, resolveParams: () => JSON.parse('no') as never };
    expect(runSeed(1, 'small', { machine: throws }).violation).toMatchObject({ invariant: 'I40' });
  });
});

describe('what a seed shows', () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'flowring-sim-'));
  afterAll(() => fs.rmSync(dir, { recursive: true }));
  const knobs = { messagesA: 30, burst: 30, lossPct: 30 };

  test('a trace has a line for each packet, and says which are lost', () => {
    const lines: string[] = [];
    runSeed(1, 'small', { knobs, trace: new TextTrace((line) => lines.push(line)) });
    expect(lines.some((line) => / a > b DATA\S* seq \d+ .*LOST$/.test(line))).toBe(true);
  });

  test('a plot tells copies from first transmissions', () => {
    const recorder = new Recorder();
    runSeed(1, 'small', { knobs, trace: recorder });
    const { sent, again, lost, ack } = recorder.flow.ab.points;
    expect(sent.map(({ index }) => index)).toEqual(Array.from({ length: 31 }, (_, n) => n));
    expect([again.length > 0, lost.length > 0, ack.at(-1)?.index]).toEqual([true, true, 31]);
  });

  test('a capture of it gives the same plot', () => {
    const recorder = new Recorder();
    runSeed(1, 'small', { knobs, trace: recorder });
    const file = path.join(dir, 'capture');
    fs.writeFileSync(file, recorder.lines.join('\n'));
    expect(sequencePlot(readCapture(file), 'x')).toBe(sequencePlot(recorder.flow, 'x'));
  });
});

test('each of the 40 invariants has a checker or a reason', () => {
  expect(Object.keys(CHECKS)).toEqual(Array.from({ length: 40 }, (_, n) => `I${n + 1}`));
});
