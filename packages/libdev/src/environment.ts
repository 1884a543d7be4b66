import type { Channel, OpenChannelOptions } from '@flowring/channel';
import type { ControlMessage } from '@flowring/common';
import type { ControlClient } from '@flowring/control';
import type { Crc32 } from '@flowring/frcp';
import type { RuntimeClock } from './clock.ts';

/** What a runtime needs of its connection to the IRMd. */
export type ControlLink = Pick<
  ControlClient,
  'isOpen' | 'nextRequestId' | 'request' | 'send' | 'sendSoon' | 'close' | 'unref'
>;

export interface ControlLinkOptions {
  readonly onMessage: (message: ControlMessage) => void;
  readonly onClose: () => void;
  /** Start a daemon when none answers. */
  readonly autostart: boolean;
  readonly signal: AbortSignal;
}

/** The world a runtime lives in: this process and its IRMd, or a test layer. */
export interface Environment {
  readonly clock: RuntimeClock;
  readonly pid: number;
  /** True when the path from end to end neither loses nor reorders (one host). */
  readonly lowerReliable: boolean;
  connect(options: ControlLinkOptions): Promise<ControlLink>;
  openChannel(options: OpenChannelOptions): Channel;
  randomU32(): number;
  /** CRC-32 of a range. */
  readonly crc32: Crc32;
}
