import { describe, expect, test } from '@jest/globals';
import type { ControlMessage, ErrorCode } from '@flowring/common';
import { FlowringError, qosCubes } from '@flowring/common';
import { AppFlow } from '../src/adapters/app-flow.ts';
import { HolderSearch } from '../src/adapters/holder-search.ts';
import type { Directory } from '../src/layers/layer.ts';

const ALLOC: ControlMessage<'ipcp-alloc'> = {
  t: 'ipcp-alloc',
  flow: 1,
  name: 'n',
  qos: qosCubes.raw,
  timeoutMs: 60_000,
  channel: 1,
};

/** A search among these holders, what it asked, and how it ended. */
function search(lookup: Directory['lookup']): {
  readonly search: HolderSearch;
  readonly asked: string[];
  readonly failed: string[];
  readonly ends: ErrorCode[];
} {
  const asked: string[] = [];
  const failed: string[] = [];
  const ends: ErrorCode[] = [];
  const directory: Directory = {
    register: () => undefined,
    unregister: () => undefined,
    lookup,
    failed: (_, peer) => failed.push(peer),
  };
  const app = new AppFlow(1, 1, { onAppEnd: () => undefined });
  const found = new HolderSearch(app, ALLOC, directory, {
    ask: (peer) => asked.push(peer),
    refused: (code) => ends.push(code),
  });
  return { search: found, asked, failed, ends };
}

/** Answers with one after the other. */
function inTurn(...peers: readonly string[]): Directory['lookup'] {
  let at = 0;
  return () => peers[at++] ?? null;
}

describe('the search for somebody who takes a flow', () => {
  //= R-DIR-03
  test('asks the next holder when one has not the name, and tells the directory', () => {
    const world = search(inTurn('a', 'b'));
    world.search.start();
    world.search.refused('FLOWRING_NO_ACCEPTOR');
    expect(world).toMatchObject({ asked: ['a', 'b'], failed: ['a'], ends: [] });
  });

  test('ends when there is no other, with the reason of the last', () => {
    const world = search(inTurn('a', 'a'));
    world.search.start();
    world.search.refused('FLOWRING_NO_ACCEPTOR');
    expect(world).toMatchObject({ asked: ['a'], ends: ['FLOWRING_NO_ACCEPTOR'] });
  });

  test.each(['FLOWRING_REFUSED', 'FLOWRING_TIMEOUT', 'FLOWRING_TOO_MANY'] as const)(
    'ends with %s',
    (code) => {
      const world = search(inTurn('a', 'b'));
      world.search.start();
      world.search.refused(code);
      expect(world).toMatchObject({ asked: ['a'], ends: [code] });
    },
  );

  test('asks four at most', () => {
    const world = search(inTurn('a', 'b', 'c', 'd', 'e'));
    world.search.start();
    for (let i = 0; i < 4; i += 1) world.search.refused('FLOWRING_PEER_GONE');
    expect(world).toMatchObject({ asked: ['a', 'b', 'c', 'd'], ends: ['FLOWRING_PEER_GONE'] });
  });

  //= R-DIR-02
  test('says whether nobody has the name, or it could not be learned', async () => {
    const nobody = search(() => null);
    nobody.search.start();
    const mute = search(() => Promise.reject(new FlowringError('FLOWRING_DIRECTORY')));
    mute.search.start();
    await Promise.resolve();
    await Promise.resolve();
    expect([nobody.ends, mute.ends]).toEqual([['FLOWRING_NAME_UNKNOWN'], ['FLOWRING_DIRECTORY']]);
  });

  test('asks nobody any more once it is cancelled', async () => {
    const late = search(() => Promise.resolve('a'));
    late.search.start();
    late.search.cancel();
    await Promise.resolve();
    await Promise.resolve();
    expect(late).toMatchObject({ asked: [], ends: [] });
  });
});
