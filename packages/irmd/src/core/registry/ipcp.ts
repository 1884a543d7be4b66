import type { ConfigValues } from '@flowring/common';
import type { Timed } from '../deadline-heap.ts';
import type { NameEntry } from './name.ts';
import type { ProcessEntry } from './process.ts';

/**
 * `starting`: the process has not said hello. `idle`: it has, and is in no layer. `bootstrapping`: asked to join
 * its layer. `operational`: in it. `restarting`: it died and is started again after a pause. `destroying`: told to end.
 */
export type IpcpState = 'starting' | 'idle' | 'bootstrapping' | 'operational' | 'restarting' | 'destroying';

/** Who waits for a management request's outcome. */
export interface Requester {
  readonly process: number;
  readonly req: number;
}

/** An IPC process under supervision. */
export interface IpcpEntry extends Timed {
  readonly timer: 'ipcp';
  readonly name: string;
  readonly type: string;
  readonly ownerUid: number;
  state: IpcpState;
  /** Its layer once bootstrapped; kept over restarts. */
  layer: string | null;
  /** What it was bootstrapped with, and is again after a restart; `undefined` for nothing. */
  config: ConfigValues | undefined;
  process: ProcessEntry | null;
  /** The running child, or 0. */
  child: number;
  token: string;
  pid: number;
  /** Names registered with it. */
  readonly names: Set<NameEntry>;
  /** Names its process is bound to, by `bind-ipcp`. */
  readonly serves: Set<NameEntry>;
  failures: number;
  restarts: number;
  startedUs: number;
  /** Who waits for its creation, and for its end. */
  creator: Requester | null;
  destroyer: Requester | null;
}

export function createIpcp(name: string, type: string, ownerUid: number, creator: Requester): IpcpEntry {
  return {
    timer: 'ipcp',
    deadlineUs: 0,
    heapIndex: -1,
    name,
    type,
    ownerUid,
    state: 'starting',
    layer: null,
    config: undefined,
    process: null,
    child: 0,
    token: '',
    pid: 0,
    names: new Set(),
    serves: new Set(),
    failures: 0,
    restarts: 0,
    startedUs: 0,
    creator,
    destroyer: null,
  };
}
