import type { AttestedProcess, ChannelKind, ControlMessage, ProcessId } from '@flowring/common';

/** A running process by pid, as /proc shows it. */
export interface PidIdentity {
  readonly pid: number;
  readonly uid: number;
  readonly startTicks: number;
}

/** Everything that can happen to the IRMd. */
export type Input =
  | { readonly type: 'process-joined'; readonly process: AttestedProcess }
  | {
      readonly type: 'message';
      readonly process: ProcessId;
      readonly message: ControlMessage;
      /** Of a `bind-process`: who has that pid now; `null` when nobody. */
      readonly target?: PidIdentity | null;
    }
  | { readonly type: 'process-gone'; readonly process: ProcessId }
  | { readonly type: 'channel-made'; readonly channel: number; readonly token: string }
  | { readonly type: 'channel-failed'; readonly channel: number; readonly reason: string }
  | { readonly type: 'child-started'; readonly child: number; readonly pid: number; readonly token: string }
  | { readonly type: 'spawn-failed'; readonly child: number; readonly reason: string }
  | { readonly type: 'child-exited'; readonly child: number; readonly outcome: string };

export type EventFields = Readonly<Record<string, string | number | boolean | null>>;

/** Everything the IRMd wants done. The driver does them in order. */
export type Effect =
  | { readonly type: 'send'; readonly process: ProcessId; readonly message: ControlMessage }
  | { readonly type: 'drop'; readonly process: ProcessId; readonly reason: string }
  | {
      readonly type: 'make-channel';
      readonly channel: number;
      readonly kind: ChannelKind;
      readonly path: string;
      readonly ringBytes: number;
      /** Owner of the files: the one of the two processes that is not the daemon's user. */
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly type: 'unlink-channel'; readonly kind: ChannelKind; readonly path: string }
  | {
      readonly type: 'spawn-program';
      readonly child: number;
      readonly program: string;
      readonly args: readonly string[];
      /** Whose program it is: who bound it. */
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly type: 'spawn-ipcp'; readonly child: number; readonly ipcp: string; readonly ipcpType: string }
  | { readonly type: 'kill'; readonly child: number }
  | { readonly type: 'publish'; readonly event: string; readonly fields: EventFields }
  | { readonly type: 'shutdown' };
