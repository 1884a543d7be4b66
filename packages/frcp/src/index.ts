export { FrcpConnection, type WriteOutcome } from './connection.ts';
export type { FrcpDownReason, FrcpEvent } from './events.ts';
export { resolveParams, type FrcpParams, type LowerFlow } from './params.ts';
export { FrcpStats } from './stats.ts';
export type { DurationUs, InstantUs } from './time.ts';
