import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LIMITS, errnoOf } from '@flowring/common';
import { createChannelFiles, openChannel, removeChannelFiles } from '@flowring/channel';
import type { End } from './channel-ends.ts';
import { REAL_KINDS, TOKEN, channelFolder, endOf, until } from './channel-ends.ts';

const PEER = path.join(import.meta.dirname, 'channel-peer.mjs');

const descriptors = (): number => fs.readdirSync('/proc/self/fd').length;
const ringMappings = (): number =>
  fs
    .readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes('flowring-test')).length;

describe.each(REAL_KINDS)('a channel of kind %s to another process', (kind) => {
  let folder: { prefix: string; remove: () => void };
  let peers: ChildProcess[];

  beforeEach(() => {
    folder = channelFolder();
    peers = [];
  });
  afterEach(async () => {
    for (const peer of peers) peer.kill('SIGKILL');
    await until(() => peers.every((peer) => peer.exitCode !== null || peer.signalCode !== null));
    folder.remove();
  });

  const specOf = (side: 'a' | 'b') =>
    ({ id: 1, kind, side, path: folder.prefix, ringBytes: LIMITS.ringBytes, token: TOKEN }) as const;
  const openOwn = (): End => {
    createChannelFiles(folder.prefix, kind, LIMITS.ringBytes);
    return endOf((events) => openChannel({ spec: specOf('a'), events }));
  };
  const startPeer = (what: string): ChildProcess => {
    const peer = fork(PEER, [JSON.stringify(specOf('b')), what]);
    peers.push(peer);
    return peer;
  };

  test('echoes messages of many sizes unchanged', async () => {
    const own = openOwn();
    startPeer('echo');
    const inlet = own.attach(1);
    const sizes = [0, 1, 64, 1_400, 65_536, 1_048_576, 3];
    const messages = Array.from({ length: 70 }, (_, i) => Buffer.alloc(sizes[i % sizes.length]!, i));
    let next = 0;
    inlet.onWritableDo = () => {
      while (next < messages.length && inlet.port.trySend(messages[next]!) === 'sent') next++;
    };
    inlet.onWritableDo();
    await until(() => inlet.messages.length === messages.length);
    expect(inlet.messages.every((message, i) => message.equals(messages[i]!))).toBe(true);
    own.channel.close();
    await until(() => own.downs.length === 1);
  });

  test('delivers what a killed peer sent, then the end with an error', async () => {
    const own = openOwn();
    const inlet = own.attach(1);
    startPeer('die');
    await until(() => own.downs.length === 1);
    expect(inlet.messages.map((message) => message[0])).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect([inlet.errno, own.downs[0]]).toEqual([errnoOf('FLOWRING_PEER_GONE'), 'peer-died']);
  });

  test('learns of the kill while it sends', async () => {
    const own = openOwn();
    const inlet = own.attach(1);
    const peer = startPeer('echo');
    const message = Buffer.alloc(1_000);
    const go = () => {
      while (inlet.port.trySend(message) === 'sent');
    };
    inlet.onWritableDo = go;
    go();
    await until(() => inlet.messages.length > 1_000);
    peer.kill('SIGKILL');
    await until(() => own.downs.length === 1);
    expect([inlet.errno, own.downs[0]]).toEqual([errnoOf('FLOWRING_PEER_GONE'), 'peer-died']);
    expect(inlet.port.trySend(message)).toBe('closed');
  });

  test('ends cleanly when the peer closes', async () => {
    const own = openOwn();
    const inlet = own.attach(1);
    const peer = startPeer('send');
    await until(() => inlet.messages.length === 100);
    peer.send('close');
    await until(() => own.downs.length === 1);
    expect([inlet.errno, own.downs[0]]).toEqual([0, 'peer-closed']);
  });

  test('does not take a peer that has not opened yet for dead, unless the monitor says so', async () => {
    const own = openOwn();
    const inlet = own.attach(1);
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(own.downs).toEqual([]);
    own.channel.peerGone();
    await until(() => own.downs.length === 1);
    expect([own.downs[0], inlet.errno]).toEqual(['peer-died', errnoOf('FLOWRING_PEER_GONE')]);
  });

  test('leaves no descriptor, mapping or file behind after many channels', async () => {
    const cycle = async (): Promise<void> => {
      createChannelFiles(folder.prefix, kind, LIMITS.ringBytes);
      const a = endOf((events) => openChannel({ spec: specOf('a'), events }));
      const b = endOf((events) => openChannel({ spec: specOf('b'), events }));
      await until(() => a.ups.length === 1 && b.ups.length === 1);
      removeChannelFiles(folder.prefix, kind);
      a.attach(1).port.trySend(Buffer.alloc(1_000));
      a.channel.close();
      b.channel.close();
      await until(() => a.downs.length === 1 && b.downs.length === 1);
    };
    await cycle();
    await until(() => ringMappings() === 0);
    const before = descriptors();
    for (let i = 0; i < 100; i++) await cycle();
    await until(() => descriptors() <= before);
    expect([descriptors() - before, ringMappings()]).toEqual([0, 0]);
    expect(fs.readdirSync(path.dirname(folder.prefix))).toEqual([]);
  });
});
