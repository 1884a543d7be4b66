import { randomBytes } from 'node:crypto';
import { availableKinds, crc32 as nativeCrc32, openChannel } from '@flowring/channel';
import { connectControl } from '@flowring/control';
import { crc32 } from '@flowring/frcp';
import { RealClock } from './clock.ts';
import type { ControlLink, ControlLinkOptions, Environment } from './environment.ts';

/** This process, its clock and its IRMd. */
export class ProcessEnvironment implements Environment {
  readonly clock = new RealClock();
  readonly pid = process.pid;
  readonly lowerReliable = true;
  readonly openChannel = openChannel;
  readonly crc32 = fastCrc32;

  connect({ onMessage, onClose, autostart, signal }: ControlLinkOptions): Promise<ControlLink> {
    return connectControl({
      kind: 'app',
      channels: availableKinds(),
      token: process.env['FLOWRING_TOKEN'],
      autostart,
      signal,
      onMessage,
      onClose,
    });
  }

  randomU32(): number {
    return randomBytes(4).readUInt32LE(0);
  }
}

/** Below this the call out of JavaScript costs more than it saves (Node 20). */
const OUTSIDE_MIN_BYTES = 96;

function fastCrc32(bytes: Uint8Array, start: number, end: number): number {
  return end - start < OUTSIDE_MIN_BYTES ? crc32(bytes, start, end) : nativeCrc32(bytes, start, end);
}
