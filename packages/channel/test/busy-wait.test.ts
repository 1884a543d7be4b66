import { beforeEach, expect, test } from '@jest/globals';
import type { Awaited } from '../src/adapters/busy-wait.ts';
import { BusyWait } from '../src/adapters/busy-wait.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let nowUs = 0;
/** What letting others run costs: time in which, now and then, something comes. */
let others: () => void = () => undefined;
let wait: BusyWait;

class Source implements Awaited {
  waiting = 0;
  taken = 0;
  rests = 0;
  hasNews(): boolean {
    return this.waiting > 0;
  }
  takeIn(): void {
    this.taken += this.waiting;
    this.waiting = 0;
  }
  rest(): void {
    this.rests += 1;
  }
}

/** Turns until the source rests; in vain if it never does. */
async function untilRest(source: Source): Promise<void> {
  for (let i = 0; source.rests === 0 && i < 1_000; i++) await turn();
}

/** A wait that finds nothing. */
async function waitInVain(): Promise<void> {
  const source = new Source();
  others = () => (nowUs += 10);
  while (!wait.expect(source));
  await untilRest(source);
}

function chancesLetGo(): number {
  const source = new Source();
  let count = 0;
  while (!wait.expect(source)) count++;
  return count;
}

beforeEach(() => {
  nowUs = 0;
  wait = new BusyWait(
    () => others(),
    () => nowUs,
  );
});

test('what comes while the process waits is taken in, and the source does not rest', async () => {
  const source = new Source();
  others = () => {
    nowUs += 10;
    source.waiting = 1;
  };
  expect(wait.expect(source)).toBe(true);
  await turn();
  await turn();
  expect(source.taken).toBeGreaterThan(0);
  expect(source.rests).toBe(0);
  wait.leave(source);
});

test('the source rests when nothing comes', async () => {
  const source = new Source();
  others = () => (nowUs += 10);
  wait.expect(source);
  await untilRest(source);
  expect(source.rests).toBe(1);
  expect(wait.awaits(source)).toBe(false);
  expect(nowUs).toBeLessThan(1_000);
});

test('the event loop has its turns meanwhile', async () => {
  const source = new Source();
  let turns = 0;
  others = () => (nowUs += 10);
  wait.expect(source);
  while (source.rests === 0) {
    await turn();
    turns++;
  }
  expect(turns).toBeGreaterThan(5);
});

test('each wait in vain makes the next one rarer, up to a bound', async () => {
  await waitInVain();
  const first = chancesLetGo();
  await turn();
  await waitInVain();
  const second = chancesLetGo();
  expect(first).toBeGreaterThan(0);
  expect(second).toBe(2 * first);
  for (let i = 0; i < 10; i++) await waitInVain();
  expect(chancesLetGo()).toBe(4_096);
});

test('a conversation that ends is not held against waiting', async () => {
  const source = new Source();
  others = () => {
    nowUs += 10;
    if (source.taken === 0) source.waiting = 1;
  };
  wait.expect(source);
  await untilRest(source);
  expect(source.taken).toBe(1);
  expect(chancesLetGo()).toBe(0);
});

test('a processor that has other work is left to it', async () => {
  const source = new Source();
  others = () => {
    nowUs += 3_000;
  };
  wait.expect(source);
  await turn();
  expect(source.rests).toBe(1);
  expect(chancesLetGo()).toBeGreaterThan(0);
});

test('a companion is looked at in every wait, and begins none', async () => {
  const socket = new Source();
  const source = new Source();
  wait.accompany(socket);
  socket.waiting = 1;
  await turn();
  expect(socket.taken).toBe(0);
  others = () => (nowUs += 10);
  wait.expect(source);
  await turn();
  expect(socket.taken).toBe(1);
  wait.leave(socket);
  await untilRest(source);
  expect(socket.rests).toBe(0);
});

test('the news of companions alone do not keep a wait up', async () => {
  const socket = new Source();
  const source = new Source();
  wait.accompany(socket);
  others = () => {
    nowUs += 10;
    socket.waiting = 1;
  };
  wait.expect(source);
  await untilRest(source);
  wait.leave(socket);
  expect(source.rests).toBe(1);
});

test('no more than a few sources are waited for at a time', () => {
  const accepted = Array.from({ length: 20 }, () => wait.expect(new Source()));
  expect(accepted.filter(Boolean)).toHaveLength(8);
});

test('a source that is gone is not looked at any more', async () => {
  const [gone, other] = [new Source(), new Source()];
  wait.expect(gone);
  wait.expect(other);
  wait.leave(gone);
  gone.waiting = 1;
  others = () => (nowUs += 10);
  await untilRest(other);
  expect(gone.taken).toBe(0);
  expect(gone.rests).toBe(0);
});
