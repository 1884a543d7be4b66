import { FlowringError } from '@flowring/common';
import { loadLibc } from './adapters/libc.ts';
import { openShmChannel } from './adapters/shm-channel.ts';
import { UnixChannel } from './adapters/unix-channel.ts';
import type { Channel, OpenChannelOptions } from './channel.ts';

/**
 * Opens this process's end of a channel, at once: until the other end is there, sends of the `unix` kind answer
 * `would-block` and `onWritable` follows. The channel alone does not keep the process alive. Throws
 * `FLOWRING_CHANNEL` when the files are missing or not what was agreed, or the kind is not available here.
 */
export function openChannel(options: OpenChannelOptions): Channel {
  const { spec, events } = options;
  if (spec.kind === 'unix') return new UnixChannel(spec, events);
  const libc = loadLibc();
  if (libc === null) {
    throw new FlowringError('FLOWRING_CHANNEL', { message: 'shared memory needs koffi, which did not load' });
  }
  return openShmChannel(libc, options);
}
