export type { DurationUs, InstantUs } from './time.ts';
