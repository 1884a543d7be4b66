export { FrcpConnection, type LowerFlow, type WriteOutcome } from './connection.ts';
export type { FrcpDownReason, FrcpEvent } from './events.ts';
export { resolveParams, type FrcpParams } from './params.ts';
export { FrcpStats } from './stats.ts';
export type { DurationUs, InstantUs } from './time.ts';
