import { randomBytes } from 'node:crypto';
import { availableKinds, openChannel } from '@flowring/channel';
import { connectControl } from '@flowring/control';
import { RealClock } from './clock.ts';
import type { ControlLink, ControlLinkOptions, Environment } from './environment.ts';

/** This process, its clock and its IRMd. */
export class ProcessEnvironment implements Environment {
  readonly clock = new RealClock();
  readonly pid = process.pid;
  readonly lowerReliable = true;
  readonly openChannel = openChannel;

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
