import { describe, expect, test } from '@jest/globals';
import { FlowSet } from '../src/index.ts';
import { codeOf, eventually, pair, text } from './support.ts';

const WORD = Buffer.from('word');

describe('a flow set', () => {
  test('tells a flow with messages again and again until it is read empty', async () => {
    const { a, b } = await pair();
    const set = new FlowSet();
    set.add(b);
    await a.write(WORD);
    await a.write(WORD);
    expect(await set.next()).toMatchObject({ type: 'PKT', flow: b });
    await eventually(() => b.rxQueueLength === 2, 'both arrive');
    expect(await set.next()).toMatchObject({ type: 'PKT' });
    b.tryRead();
    expect(set.poll()).toMatchObject({ type: 'PKT' });
    b.tryRead();
    expect(set.poll()).toBeNull();
  });

  test('tells messages that were there before the flow was added', async () => {
    const { a, b } = await pair();
    await a.write(WORD);
    await eventually(() => b.rxQueueLength === 1, 'it arrives');
    const set = new FlowSet();
    set.add(b);
    expect(set.poll()).toMatchObject({ type: 'PKT' });
  });

  test('takes turns between flows', async () => {
    const one = await pair();
    const two = await pair();
    const set = new FlowSet();
    set.add(one.b);
    set.add(two.b);
    await one.a.write(WORD);
    await two.a.write(WORD);
    await eventually(() => one.b.rxQueueLength + two.b.rxQueueLength === 2, 'both arrive');
    const told = [set.poll(), set.poll(), set.poll(), set.poll()].map((event) => event?.flow);
    expect(new Set(told.slice(0, 2))).toEqual(new Set([one.b, two.b]));
    expect(told.slice(2)).toEqual(told.slice(0, 2));
  });

  test('tells the clean end once, after the packets of before', async () => {
    const { a, b } = await pair();
    const set = new FlowSet();
    set.add(b);
    await a.write(WORD);
    await a.dealloc();
    await b.closed;
    expect(set.poll()).toMatchObject({ type: 'PKT' });
    expect(set.poll()).toMatchObject({ type: 'DEALLOC', flow: b });
    expect(set.poll()).toMatchObject({ type: 'PKT' });
    expect(text(await b.read())).toBe('word');
    expect(set.poll()).toBeNull();
  });

  test('tells the death of a peer to who waits and to listeners', async () => {
    const { layer, client, b } = await pair();
    const set = new FlowSet();
    set.add(b);
    const heard: string[] = [];
    set.on('PEER', ({ type }) => heard.push(type));
    const waiting = set.next();
    layer.kill(client);
    expect(await waiting).toMatchObject({ type: 'PEER', flow: b });
    expect(heard).toEqual(['PEER']);
  });

  test('tells an allocation that comes later, or fails', async () => {
    const { layer, client } = await pair();
    const set = new FlowSet();
    layer.createName('x');
    set.addLater(client.flowAlloc('echo-unknown'));
    expect(await set.next()).toMatchObject({ type: 'ALLOC', error: { code: 'FLOWRING_NAME_UNKNOWN' } });
    const accepting = client.flowAccept.once({ name: 'x' });
    set.addLater(client.flowAlloc('x'));
    expect(await set.next()).toMatchObject({ type: 'ALLOC' });
    await accepting;
    expect(set.size).toBe(1);
  });

  test('has a flow in one set only, and loses it at its dealloc', async () => {
    const { a } = await pair();
    const set = new FlowSet();
    set.add(a);
    expect(set.has(a)).toBe(true);
    expect(() => new FlowSet().add(a)).toThrow(expect.objectContaining({ code: 'FLOWRING_PERMISSION' }));
    expect(() => set.add(a)).toThrow(expect.objectContaining({ code: 'FLOWRING_PERMISSION' }));
    await a.dealloc();
    expect(set.size).toBe(0);
    expect(() => set.add(a)).toThrow(expect.objectContaining({ code: 'FLOWRING_NOT_ALLOCATED' }));
  });

  test('forgets what it had to tell when emptied', async () => {
    const { a, b } = await pair();
    const set = new FlowSet();
    set.add(b);
    await a.write(WORD);
    await eventually(() => b.rxQueueLength === 1, 'it arrives');
    set.zero();
    expect(set.poll()).toBeNull();
    expect(set.delete(b)).toBe(false);
  });

  test('gives up a wait at its timeout or abort', async () => {
    const set = new FlowSet();
    expect(await codeOf(set.next({ timeoutMs: 5 }))).toBe('FLOWRING_TIMEOUT');
    expect(await codeOf(set.next({ signal: AbortSignal.abort() }))).toBe('FLOWRING_ABORTED');
  });
});
