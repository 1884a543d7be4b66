import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { lateReplies } from '../scenarios/late-replies.mjs';
import { startPrivateDaemon } from '../scenarios/private-daemon.mjs';
import type { PrivateDaemon } from './flows-support.ts';
import { LAYER, PATHS } from './flows-support.ts';

const THINK_TIMES_MS = [0, 5, 12, 50, 100, 1_000, 10_000];

describe('a reliable flow to a server that thinks for up to 10 s', () => {
  let daemon: PrivateDaemon;
  beforeAll(async () => {
    daemon = await startPrivateDaemon({ layer: LAYER });
  });
  afterAll(() => daemon.stop());

  test.each(PATHS)('brings every reply over $path', async ({ via }) => {
    const rows = await lateReplies({ daemon, thinkTimesMs: THINK_TIMES_MS, ...via });
    expect(rows.map(({ reply }) => reply)).toEqual(THINK_TIMES_MS.map((ms) => `thought for ${ms} ms`));
  });
});
