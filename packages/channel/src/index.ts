export * from './channel.ts';
export { processBusyWait } from './adapters/busy-wait.ts';
export { createChannelFiles, removeChannelFiles } from './adapters/channel-files.ts';
export type { ChannelFileOwner } from './adapters/channel-files.ts';
export { crc32 } from './adapters/crc32.ts';
export { availableKinds } from './adapters/kinds.ts';
export { createMemoryChannelPair } from './adapters/memory-channel.ts';
export type { MemoryChannelOptions } from './adapters/memory-channel.ts';
export { openChannel } from './open-channel.ts';
