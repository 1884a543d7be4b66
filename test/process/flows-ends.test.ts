import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { endOfFlow } from '../scenarios/end-of-flow.mjs';
import { startPrivateDaemon } from '../scenarios/private-daemon.mjs';
import type { PrivateDaemon } from './flows-support.ts';
import { LAYER, PATHS, settles } from './flows-support.ts';

const CASES = PATHS.flatMap(({ path, via }) =>
  (['raw', 'data'] as const).flatMap((qos) =>
    (['dealloc', 'kill'] as const).map((cause) => ({ path, via, qos, cause })),
  ),
);
const TRIALS = 5;

describe('a read that waits while the peer', () => {
  let daemon: PrivateDaemon;
  beforeAll(async () => {
    daemon = await startPrivateDaemon({ layer: LAYER });
  });
  afterAll(() => daemon.stop());

  test.each(CASES)(
    'does its $cause on a $qos flow over $path has the last words, then the end',
    async (c) => {
      const rows = await endOfFlow({ daemon, qos: c.qos, cause: c.cause, trials: TRIALS, ...c.via });
      const end = c.cause === 'kill' ? 'FLOWRING_PEER_GONE' : null;
      expect(rows.map(({ first, end }) => ({ first, end }))).toEqual(
        Array.from({ length: TRIALS }, () => ({ first: 'last words', end })),
      );
      await settles(daemon, { flows: 0, descriptors: new Map() });
    },
  );
});
