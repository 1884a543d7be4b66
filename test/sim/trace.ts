import type { FrcpEvent } from '@flowring/frcp';
import type { FrcpEnd } from './frcp-end.ts';
import type { FrcpWorld } from './frcp-world.ts';

/** Is told everything that happens, to print or draw it. */
export interface TraceSink {
  sent(world: FrcpWorld, from: FrcpEnd, pdu: Uint8Array, isLost: boolean): void;
  arrived(world: FrcpWorld, to: FrcpEnd, pdu: Uint8Array): void;
  event(world: FrcpWorld, end: FrcpEnd, event: FrcpEvent): void;
  note(world: FrcpWorld, text: string): void;
}
