import type { ChannelKind, ProcessKind } from './control-values.ts';
import type { ProcessId } from './ids.ts';

/** A process the IRMd knows: what the kernel attested, and what the process said of itself in its hello. */
export interface AttestedProcess {
  readonly process: ProcessId;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Field 22 of /proc/PID/stat at registration: tells two processes of one pid apart. 0 where unknown. */
  readonly startTicks: number;
  readonly kind: ProcessKind;
  /** Base name of the program, and its absolute path. */
  readonly program: string;
  readonly path: string;
  readonly channels: readonly ChannelKind[];
  /** What the IRMd gave a child it started, so that the child can be told from others. */
  readonly token?: string;
}
