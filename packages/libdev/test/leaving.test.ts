import { expect, test } from '@jest/globals';
import type { FlowPort } from '@flowring/channel';
import { createMemoryChannelPair } from '@flowring/channel';
import { qosCubes } from '@flowring/common';
import { resolveParams } from '@flowring/frcp';
import { RealClock } from '../src/clock.ts';
import type { FlowSeed } from '../src/flow-host.ts';
import { FrcpDriver } from '../src/frcp-driver.ts';
import { FrcpFlow } from '../src/frcp-flow.ts';
import { messageView } from '../src/message-view.ts';

const clock = new RealClock();
const params = resolveParams({ mtuBytes: 1_400, viewOf: messageView, randomU32: () => 7 });

/** Loses what is sent from a given moment on; the end of the flow still arrives. */
class LossyPort {
  losing = false;
  readonly #port: FlowPort;

  constructor(port: FlowPort) {
    this.#port = port;
  }

  get inFlightBytes(): number {
    return this.#port.inFlightBytes;
  }
  trySendWith(maxBytes: number, fill: (target: Uint8Array, offset: number) => number): string {
    if (!this.losing) return this.#port.trySendWith(maxBytes, fill);
    fill(new Uint8Array(maxBytes), 0);
    return 'sent';
  }
  consumed(bytes: number): void {
    this.#port.consumed(bytes);
  }
  end(errno: number): void {
    this.#port.end(errno);
  }
  detach(): void {
    this.#port.detach();
  }
}

function flowPair(): { a: FrcpFlow; b: FrcpFlow; fromA: LossyPort; fromB: LossyPort } {
  const [near, far] = createMemoryChannelPair();
  const driver = new FrcpDriver(clock);
  const seed: FlowSeed = { id: 1, name: 'n', qos: qosCubes.data, peer: { pid: 1, uid: 1, program: 'p' } };
  const endOn = (channel: typeof near): [FrcpFlow, LossyPort] => {
    const host = { clock, driver, holdsSlabs: () => undefined, released: () => undefined };
    const flow = new FrcpFlow(host, seed, params);
    const port = new LossyPort(channel.attach(1, flow));
    flow.attached(port as unknown as FlowPort);
    return [flow, port];
  };
  const [a, fromA] = endOn(near);
  const [b, fromB] = endOn(far);
  return { a, b, fromA, fromB };
}

test('a flow ends cleanly when the peer has all of it and left, though its last acknowledgement was lost', async () => {
  const { a, b, fromB } = flowPair();
  await a.write(Buffer.from('last words'));
  fromB.losing = true;
  const left = a.dealloc();
  expect(String(await b.read())).toBe('last words');
  expect(await b.read()).toBeNull();
  await b.dealloc();
  await expect(left).resolves.toBeUndefined();
});

test('a flow does not end cleanly when the peer left before it had all', async () => {
  const { a, b, fromA } = flowPair();
  await a.write(Buffer.from('heard'));
  expect(String(await b.read())).toBe('heard');
  fromA.losing = true;
  await a.write(Buffer.from('lost'));
  const left = a.dealloc();
  b.dealloc({ lingerMs: 10 }).catch(() => undefined);
  await expect(left).rejects.toMatchObject({ code: 'FLOWRING_UNACKED' });
});
