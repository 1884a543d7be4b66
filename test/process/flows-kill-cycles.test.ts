import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { killCycles } from '../scenarios/kill-cycles.mjs';
import { startPrivateDaemon } from '../scenarios/private-daemon.mjs';
import type { PrivateDaemon } from './flows-support.ts';

describe('programs killed at random moments', () => {
  let daemon: PrivateDaemon;
  beforeAll(async () => {
    daemon = await startPrivateDaemon();
  });
  afterAll(() => daemon.stop());

  test('leave nothing: no descriptor, file, flow or process entry', async () => {
    const { before, after } = await killCycles({ daemon, cycles: 30 });
    expect(after).toEqual(before);
  });
});
