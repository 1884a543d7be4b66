export { FrcpConnection, type WriteOutcome } from './connection.ts';
export type { FrcpDownReason, FrcpEvent } from './events.ts';
export { O7S_WIRE } from './o7s/wire.ts';
export { crc32, type Crc32 } from './crc32.ts';
export { resolveParams, type FrcpParams, type LowerFlow } from './params.ts';
export { FrcpStats } from './stats.ts';
export type { DurationUs, InstantUs } from './time.ts';
export type { Wire } from './wire.ts';
