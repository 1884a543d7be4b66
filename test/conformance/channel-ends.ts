import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ChannelKind } from '@flowring/common';
import type { Channel, ChannelDownReason, FlowPort } from '@flowring/channel';
import {
  createChannelFiles,
  createMemoryChannelPair,
  openChannel,
  removeChannelFiles,
} from '@flowring/channel';

/** `shm in place`: receivers copy at once, and are handed messages where they lie. */
export type TestedKind = 'shm' | 'shm in place' | 'unix' | 'memory';

/** The kinds between processes. Shared memory is only missing where the tests run in a tree without koffi. */
export const REAL_KINDS: readonly ChannelKind[] =
  process.env['FLOWRING_TEST_WITHOUT_KOFFI'] === '1' ? ['unix'] : ['shm', 'unix'];

export const TOKEN = '0123456789abcdef'.repeat(2);

/** One flow's receiving end: keeps what came, and returns credit as the test says. */
export class Inlet {
  readonly messages: Buffer[] = [];
  errno = -1;
  writable = 0;
  /** Whether messages count as read when they come. */
  isReading = true;
  port!: FlowPort;
  onWritableDo: () => void = () => undefined;
  readonly #copies: boolean;

  constructor(copies = false) {
    this.#copies = copies;
  }

  onMessage(slab: Buffer, start: number, end: number): void {
    const message = slab.subarray(start, end);
    this.messages.push(this.#copies ? Buffer.from(message) : message);
    if (this.isReading) this.port.consumed(end - start);
  }

  onEnd(errno: number): void {
    if (this.errno !== -1) throw new Error('ended twice');
    this.errno = errno;
  }

  onWritable(): void {
    this.writable++;
    this.onWritableDo();
  }

  /** Reads everything that was left unread. */
  resume(): void {
    this.isReading = true;
    for (const message of this.messages) this.port.consumed(message.length);
  }
}

/** One end of a channel and what happened to it. */
export interface End {
  readonly channel: Channel;
  readonly downs: ChannelDownReason[];
  readonly ups: number[];
  attach(flow: number, windowBytes?: number): Inlet;
}

export function endOf(
  open: (events: Parameters<typeof openChannel>[0]['events']) => Channel,
  copies = false,
): End {
  const downs: ChannelDownReason[] = [];
  const ups: number[] = [];
  const channel = open({ onUp: () => ups.push(1), onDown: (reason) => downs.push(reason) });
  const attach = (flow: number, windowBytes?: number): Inlet => {
    const inlet = new Inlet(copies);
    inlet.port = channel.attach(flow, inlet, windowBytes === undefined ? undefined : { windowBytes });
    return inlet;
  };
  return { channel, downs, ups, attach };
}

/** A folder for a channel's files, gone after `remove`. */
export function channelFolder(): { prefix: string; remove: () => void } {
  const base = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();
  const dir = fs.mkdtempSync(path.join(base, `flowring-test-${process.env['FLOWRING_TEST_RUN'] ?? ''}-`));
  return { prefix: path.join(dir, 'c'), remove: () => fs.rmSync(dir, { recursive: true, force: true }) };
}

export interface Pair {
  readonly a: End;
  readonly b: End;
  /** Closes both ends and waits until everything is released. */
  close(): Promise<void>;
}

/** Two ends of a channel in this process. */
export function openPair(tested: TestedKind, ringBytes = 1_048_576): Pair {
  if (tested === 'memory') return memoryPair(ringBytes);
  const copiesAtOnce = tested === 'shm in place';
  const kind = tested === 'shm in place' ? 'shm' : tested;
  const { prefix, remove } = channelFolder();
  createChannelFiles(prefix, kind, ringBytes);
  const spec = { id: 1, kind, path: prefix, ringBytes, token: TOKEN };
  const [a, b] = (['a', 'b'] as const).map((side) =>
    endOf((events) => openChannel({ spec: { ...spec, side }, events, copiesAtOnce }), copiesAtOnce),
  ) as [End, End];
  return {
    a,
    b,
    async close() {
      await closeBoth(a, b);
      removeChannelFiles(prefix, kind);
      remove();
    },
  };
}

function memoryPair(ringBytes: number): Pair {
  let pair: [Channel, Channel];
  const kept: { a?: Parameters<typeof openChannel>[0]['events'] } = {};
  const a = endOf((events) => {
    kept.a = events;
    return undefined as never;
  });
  const b = endOf((events) => {
    pair = createMemoryChannelPair({ ringBytes, eventsA: kept.a!, eventsB: events });
    return pair[1];
  });
  const channel = pair![0];
  const attach = (flow: number, windowBytes?: number): Inlet => {
    const inlet = new Inlet();
    inlet.port = channel.attach(flow, inlet, windowBytes === undefined ? undefined : { windowBytes });
    return inlet;
  };
  const first = { ...a, channel, attach };
  return { a: first, b, close: () => closeBoth(first, b) };
}

async function closeBoth(a: End, b: End): Promise<void> {
  a.channel.close();
  b.channel.close();
  await until(() => a.downs.length === 1 && b.downs.length === 1);
}

/** Waits until a condition holds; fails after 10 s, naming it. */
export async function until(isTrue: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`never came true: ${isTrue}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
