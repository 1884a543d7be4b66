import { setTimeout as sleep } from 'node:timers/promises';
import { availableKinds, openChannel } from '@flowring/channel';
import type { ControlMessage } from '@flowring/common';
import { createLogger } from '@flowring/common';
import { connectControl } from '@flowring/control';
import { Ipcp } from './adapters/ipcp.ts';
import { createLayer } from './layers/index.ts';

const log = createLogger('ipcpd');

/** How long the end waits for what the layer has to tell others, ms. */
const FAREWELL_MS = 1_000;

export interface IpcpdOptions {
  /** Layer type; `local`. */
  readonly type: string;
  /** The IPCP's name, for logs and lists. */
  readonly name: string;
  /** Runtime directory of the IRMd; default as the control plane's. */
  readonly dir?: string;
  /** What the IRMd gave this child to be known by. */
  readonly token?: string | undefined;
}

/** A running IPC process. */
export interface Ipcpd {
  /** Settles when the process may end: its IRMd is gone and no flow is left, or `stop` was called. */
  readonly done: Promise<void>;
  /** Ends all flows and leaves. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Connects to the IRMd and serves. Rejects with `FLOWRING_IPCP_TYPE` for an unknown type, and with what the control
 * plane says when the IRMd cannot be reached or refuses.
 */
export async function startIpcpd(options: IpcpdOptions): Promise<Ipcpd> {
  const layer = createLayer(options.type);
  let finish: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (finish = resolve));
  const ipcp = new Ipcp({
    layer,
    openChannel,
    send: (message: ControlMessage) => control.send(message),
    onIdle: () => void stop(),
  });
  const control = await connectControl({
    ...(options.dir === undefined ? {} : { dir: options.dir }),
    kind: 'ipcp',
    program: 'ipcpd',
    channels: availableKinds(),
    token: options.token,
    onMessage: (message) => ipcp.handle(message),
    onClose: () => ipcp.irmdGone(),
  });
  log('%s (%s) is connected as process %d', options.name, options.type, control.welcome.process);
  // Channels alone do not keep a process alive, and flows outlive the IRMd's connection.
  const keepAlive = setInterval(() => undefined, 0x7fff_ffff);
  let stopping: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      clearInterval(keepAlive);
      await Promise.race([ipcp.close(), sleep(FAREWELL_MS, null, { ref: false })]);
      await control.close();
      finish();
    })();
    return stopping;
  };
  return { done, stop };
}
