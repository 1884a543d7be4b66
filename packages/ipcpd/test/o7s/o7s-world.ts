import type { QosSpec } from '@flowring/common';
import { qosCubes } from '@flowring/common';
import type { FaOutput } from '../../src/core/fa-messages.ts';
import { kindOfDatagram, readEid } from '../../src/core/o7s/datagram.ts';
import type { ManagementFrame } from '../../src/core/o7s/management-frame.ts';
import { decodeFrame } from '../../src/core/o7s/management-frame.ts';
import { HashedNames } from '../../src/core/o7s/name-hash.ts';
import type { O7sStats } from '../../src/core/o7s/o7s-context.ts';
import { O7sAllocator } from '../../src/core/o7s/o7s-allocator.ts';
import { AllocatorEnd, AllocatorWorld, SECOND, seeded } from '../allocator-world.ts';
import { nodeDigest } from './node-digest.ts';

export { SECOND, seeded };
export const UTC_START_US = 1_795_231_698_000_000;

/** One end, which speaks the frames of the C prototype. */
export class O7sEnd extends AllocatorEnd {
  readonly names = new HashedNames(nodeDigest);
  override readonly allocator: O7sAllocator;
  readonly frames: ManagementFrame[] = [];
  keepalives = 0;
  /** This end's clock is ahead of the other's, us. */
  skewUs = 0;
  /** Whether its datagrams arrive. */
  passes: (bytes: Uint8Array) => boolean = () => true;

  constructor(name: 'a' | 'b', random: () => number) {
    super(name);
    this.allocator = new O7sAllocator({
      params: { mplMs: 5_000, aMs: 15, rMs: 120_000, mtuBytes: 8_976 },
      names: this.names,
      digest: nodeDigest,
      random,
      utcUs: (nowUs) => UTC_START_US + this.skewUs + nowUs,
    });
  }

  override sends(bytes: Uint8Array): boolean {
    const frame = decodeFrame(bytes);
    if (typeof frame === 'string') this.keepalives += 1;
    else this.frames.push(frame);
    return this.passes(bytes);
  }

  stats(counter: keyof O7sStats): number {
    return this.allocator.stats[counter];
  }

  all<T extends FaOutput['t']>(type: T): Extract<FaOutput, { t: T }>[] {
    return this.outputs.filter((output): output is Extract<FaOutput, { t: T }> => output.t === type);
  }
}

export class O7sWorld extends AllocatorWorld<O7sEnd> {
  override readonly a = new O7sEnd('a', seeded(1));
  override readonly b = new O7sEnd('b', seeded(2));

  constructor() {
    super();
    this.b.names.register('oping');
  }

  override request(
    flow: number,
    over: { timeoutMs?: number; qos?: Partial<QosSpec>; name?: string } = {},
  ): void {
    this.input(this.a, {
      t: 'request',
      flow,
      peer: 'b',
      name: over.name ?? 'oping',
      qos: { ...qosCubes.data, timeout: 3_000, ...over.qos },
      timeoutMs: over.timeoutMs ?? 20_000,
    });
  }

  protected override arrive(to: O7sEnd, from: string, bytes: Uint8Array): void {
    if (kindOfDatagram(bytes, 0, bytes.length) === 'management') this.inject(to, from, bytes);
    else to.allocator.noteData(readEid(bytes, 0), this.nowUs, from);
  }
}
