import type { QosSpec } from '@flowring/common';
import { qosCubes } from '@flowring/common';
import type { FaPdu } from '../src/core/fa-pdu.ts';
import { decodeFaPdu } from '../src/core/fa-pdu.ts';
import { FlowAllocator } from '../src/core/flow-allocator.ts';
import { AllocatorEnd, AllocatorWorld, SECOND, seeded } from './allocator-world.ts';

export { SECOND };
const QUARANTINE_US = 100 * SECOND;

/** One end of a pair, which speaks our own PDUs. */
export class PairEnd extends AllocatorEnd {
  override allocator: FlowAllocator;
  /** What it sent, decoded. */
  readonly sent: FaPdu[] = [];
  /** Whether its packets arrive; by type where a test wants it. */
  passes: (pdu: FaPdu) => boolean = () => true;

  constructor(name: 'a' | 'b', seed: number) {
    super(name);
    this.allocator = newAllocator(seed);
  }

  override sends(bytes: Uint8Array): boolean {
    const pdu = decodeFaPdu(bytes)!;
    this.sent.push(pdu);
    return this.passes(pdu);
  }

  /** Errno each flow ended with. */
  ends(): (readonly [number, number])[] {
    return this.outputs.flatMap((output) =>
      output.t === 'ended' ? [[output.flow, output.errno] as const] : [],
    );
  }

  count(type: FaPdu['t']): number {
    return this.sent.filter((pdu) => pdu.t === type).length;
  }
}

export class AllocatorPair extends AllocatorWorld<PairEnd> {
  override readonly a = new PairEnd('a', 1);
  override readonly b = new PairEnd('b', 2);

  override request(
    flow: number,
    options: { readonly timeoutMs?: number; readonly qos?: Partial<QosSpec> } = {},
  ): void {
    this.input(this.a, {
      t: 'request',
      flow,
      peer: 'b',
      name: 'echo',
      qos: { ...qosCubes.raw, timeout: 3_000, ...options.qos },
      timeoutMs: options.timeoutMs ?? 10_000,
    });
  }

  /** Time passes and nobody runs: packets under way wait, timers are late. */
  suspend(seconds: number): void {
    this.nowUs += Math.round(seconds * SECOND);
  }

  restart(end: PairEnd): void {
    end.allocator = newAllocator(99);
  }
}

function newAllocator(seed: number): FlowAllocator {
  return new FlowAllocator({
    traits: { lossless: false, mplUs: SECOND, quarantineUs: QUARANTINE_US, rtoInitialUs: 100_000 },
    paramsOf: () => ({ mplMs: 1_000, aMs: 50, rMs: 30_000, mtuBytes: 1_400 }),
    random: seeded(seed),
  });
}
