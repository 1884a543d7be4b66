import type {
  ChannelId,
  ControlMessage,
  CounterGroups,
  ErrorCode,
  FlowId,
  FlowReport,
} from '@flowring/common';
import { codeOfErrno, createLogger, errnoOf, isFlowringError } from '@flowring/common';
import type { Allocator } from '../core/allocator.ts';
import type { FlowBinding } from '../core/fa-messages.ts';
import type { Layer } from '../layers/layer.ts';
import { AllocatorDriver } from './allocator-driver.ts';
import { AppFlow } from './app-flow.ts';
import type { OpenChannel } from './channel-table.ts';
import { ChannelTable } from './channel-table.ts';
import { monotonicUs } from './monotonic-clock.ts';
import { HolderSearch } from './holder-search.ts';
import { randomU32 } from './random-u32.ts';

const log = createLogger('ipcpd');

/** How long a deallocated flow waits for its application's end to come through the channel, ms. */
const END_WAIT_MS = 5_000;
/** Of an error's text, told to the IRMd. */
const REASON_MAX_CHARS = 1_000;

export interface IpcpOptions {
  readonly layer: Layer;
  readonly openChannel: OpenChannel;
  /** To the IRMd; false when it is gone. */
  readonly send: (message: ControlMessage) => boolean;
  /** The last flow is gone: an IPCP without an IRMd may end. */
  readonly onIdle: () => void;
}

/** One IPC process without its connection to the IRMd: control messages in and out, channels, one layer. */
export class Ipcp {
  readonly #layer: Layer;
  readonly #send: IpcpOptions['send'];
  readonly #onIdle: () => void;
  readonly #driver: AllocatorDriver;
  readonly #channels: ChannelTable;
  readonly #flows = new Map<FlowId, AppFlow>();
  /** Allocations that no peer has taken yet. */
  readonly #searches = new Map<FlowId, HolderSearch>();
  readonly #endWaits = new Map<FlowId, NodeJS.Timeout>();
  #state: 'boot' | 'bootstrapping' | 'operational' = 'boot';
  #irmdGone = false;
  readonly allocator: Allocator;

  constructor(options: IpcpOptions) {
    this.#layer = options.layer;
    this.#send = options.send;
    this.#onIdle = options.onIdle;
    this.allocator = options.layer.createAllocator(randomU32);
    this.#driver = new AllocatorDriver(this.allocator, {
      sendPdu: (peer, pdu) => this.#layer.sendPdu(peer, pdu),
      tellIrmd: (message) => this.#fromAllocator(message),
      bind: (binding) => this.#bind(binding),
      ended: (flow, errno) => this.#ended(flow, errno),
      unbind: (flow) => this.#unbind(flow),
    });
    this.#channels = new ChannelTable(options.openChannel, {
      onUp: (channel) => this.#tell({ t: 'channel-up', channel }),
      onDown: (channel) => this.#tell({ t: 'channel-down', channel }),
    });
  }

  get flowCount(): number {
    return this.#flows.size;
  }

  /** A message of the IRMd. One that is not for an IPCP is ignored. */
  handle(message: ControlMessage): void {
    switch (message.t) {
      case 'ipcp-bootstrap':
        this.#bootstrap(message);
        return;
      case 'ipcp-register':
        this.#reply(message.req, () => this.#layer.directory.register(message.name));
        return;
      case 'ipcp-unregister':
        this.#reply(message.req, () => this.#layer.directory.unregister(message.name));
        return;
      case 'ipcp-query':
        void this.#query(message);
        return;
      case 'ipcp-flows':
        this.#reply(message.req, () => this.#flowReports(message.flows));
        return;
      case 'ipcp-metrics':
        this.#reply(message.req, () => this.#counters());
        return;
      case 'ipcp-alloc':
        this.#alloc(message);
        return;
      case 'ipcp-accept':
        this.#accept(message);
        return;
      case 'ipcp-refuse':
        this.#driver.input({ t: 'refuse', incoming: message.incoming, code: message.code });
        return;
      case 'ipcp-dealloc':
        this.#dealloc(message.flow);
        return;
      case 'peer-gone':
        this.#channels.peerGone(message.channel);
        return;
      default:
        log('not for an IPCP: %s', message.t);
    }
  }

  /** The IRMd went away: flows that exist are served until they end, by their applications alone. */
  irmdGone(): void {
    this.#irmdGone = true;
    for (const app of [...this.#flows.values()]) if (app.appEnded) this.#release(app);
    if (this.#flows.size === 0) this.#onIdle();
  }

  /** Ends every flow, at the applications and at the peers, and closes everything. */
  close(): void | Promise<void> {
    const errno = errnoOf('FLOWRING_PEER_GONE');
    for (const flow of [...this.#flows.keys()]) this.#driver.input({ t: 'local-end', flow, errno });
    this.#channels.closeAll(errno);
    for (const wait of this.#endWaits.values()) clearTimeout(wait);
    this.#driver.close();
    return this.#layer.close();
  }

  #bootstrap(message: ControlMessage<'ipcp-bootstrap'>): void {
    if (this.#state !== 'boot') {
      this.#fail(message.req, 'FLOWRING_IPCP_STATE');
      return;
    }
    this.#state = 'bootstrapping';
    const up = (): void => {
      this.#state = 'operational';
      this.#tell({ t: 'ok', req: message.req, value: { ...this.#layer.params } });
    };
    const failed = (error: unknown): void => {
      this.#state = 'boot';
      this.#failWith(message.req, error);
    };
    try {
      const done = this.#layer.bootstrap(message.layer, message.config ?? {}, {
        onPdu: (peer, pdu) => this.#driver.input({ t: 'pdu', peer, pdu }),
        onData: (sEid, from) => this.#driver.noteData(sEid, from),
        onPath: (flow, params) => this.#tell({ t: 'ipcp-path', flow, params }),
        onSent: (sEid) => this.#driver.noteSent(sEid),
      });
      if (done instanceof Promise) done.then(up, failed);
      else up();
    } catch (error) {
      failed(error);
    }
  }

  async #query({ req, name }: ControlMessage<'ipcp-query'>): Promise<void> {
    if (this.#state !== 'operational') return this.#fail(req, 'FLOWRING_IPCP_STATE');
    try {
      if ((await this.#layer.directory.lookup(name)) === null) this.#fail(req, 'FLOWRING_NAME_UNKNOWN');
      else this.#tell({ t: 'ok', req, value: true });
    } catch (error) {
      this.#failWith(req, error);
    }
  }

  #alloc(message: ControlMessage<'ipcp-alloc'>): void {
    const { flow, name, qos, data } = message;
    if (this.#flows.has(flow)) return;
    if (message.open !== undefined) this.#channels.open(message.open);
    const app = this.#enter(flow, message.channel);
    if (this.#state !== 'operational') return this.#refused(app, 'FLOWRING_IPCP_STATE');
    const search = new HolderSearch(app, message, this.#layer.directory, {
      ask: (peer, timeoutMs) => this.#driver.input({ t: 'request', flow, peer, name, qos, timeoutMs, data }),
      refused: (code) => this.#refused(app, code),
    });
    this.#searches.set(flow, search);
    search.start();
  }

  #refused(app: AppFlow, code: ErrorCode): void {
    this.#forget(app);
    this.#tell({ t: 'ipcp-refused', flow: app.flow, code });
  }

  #fromAllocator(message: ControlMessage): void {
    const search = message.t === 'ipcp-refused' ? this.#searches.get(message.flow) : undefined;
    if (search !== undefined && message.t === 'ipcp-refused') return search.refused(message.code);
    this.#tell(message);
  }

  #accept(message: ControlMessage<'ipcp-accept'>): void {
    const { incoming, flow, data } = message;
    if (this.#flows.has(flow)) return;
    if (message.open !== undefined) this.#channels.open(message.open);
    const app = this.#enter(flow, message.channel);
    this.#attach(app);
    this.#driver.input({ t: 'accept', incoming, flow, data });
  }

  #dealloc(flow: FlowId): void {
    const app = this.#flows.get(flow);
    if (app === undefined) {
      this.#driver.input({ t: 'release', flow });
      return;
    }
    app.deallocRequested = true;
    // A channel that is still coming up may bring the end of a flow that was refused at once.
    const mayBringEnd = app.port !== null && this.#channels.get(app.channel) !== null;
    if (app.appEnded || !mayBringEnd) {
      this.#release(app);
      return;
    }
    const wait = setTimeout(() => this.#release(app), END_WAIT_MS);
    wait.unref();
    this.#endWaits.set(flow, wait);
  }

  #bind(binding: FlowBinding): void {
    const app = this.#flows.get(binding.flow);
    if (app === undefined) return;
    this.#endSearch(binding.flow);
    if (app.port === null && !this.#attach(app)) app.onEnd(errnoOf('FLOWRING_CHANNEL'));
    this.#layer.bind(binding, app);
  }

  #attach(app: AppFlow): boolean {
    const channel = this.#channels.get(app.channel);
    if (channel !== null) app.attach(channel);
    return channel !== null;
  }

  #ended(flow: FlowId, errno: number): void {
    if (errno !== 0) log('flow %d ended by its peer, or for its silence: %s', flow, codeOfErrno(errno));
    const app = this.#flows.get(flow);
    if (app !== undefined) this.#layer.ended(app, errno);
  }

  #appEnded(app: AppFlow, errno: number): void {
    this.#endSearch(app.flow);
    this.#driver.input({ t: 'local-end', flow: app.flow, errno });
    if (app.deallocRequested || this.#irmdGone) this.#release(app);
  }

  #release(app: AppFlow): void {
    this.#endSearch(app.flow);
    this.#driver.input({ t: 'release', flow: app.flow });
    if (this.#flows.get(app.flow) === app) this.#forget(app);
  }

  #unbind(flow: FlowId): void {
    const app = this.#flows.get(flow);
    if (app !== undefined && !this.#searches.has(flow)) this.#forget(app);
  }

  #endSearch(flow: FlowId): void {
    this.#searches.get(flow)?.cancel();
    this.#searches.delete(flow);
  }

  #enter(flow: FlowId, channel: ChannelId): AppFlow {
    const app = new AppFlow(flow, channel, { onAppEnd: (ended, errno) => this.#appEnded(ended, errno) });
    this.#flows.set(flow, app);
    return app;
  }

  #forget(app: AppFlow): void {
    this.#flows.delete(app.flow);
    this.#endSearch(app.flow);
    clearTimeout(this.#endWaits.get(app.flow));
    this.#endWaits.delete(app.flow);
    this.#layer.unbind(app);
    if (app.port === null) this.#channels.get(app.channel)?.discard(app.flow);
    else app.detach();
    if (this.#irmdGone && this.#flows.size === 0) this.#onIdle();
  }

  #flowReports(flows: readonly FlowId[]): readonly FlowReport[] {
    const nowUs = monotonicUs();
    return flows.flatMap((flow): FlowReport[] => {
      const view = this.allocator.viewOf(flow, nowUs);
      const app = this.#flows.get(flow);
      if (view === null || app === undefined) return [];
      const { peer, rttUs, heardUs } = view;
      const rttMs = rttUs === null ? null : rttUs / 1_000;
      return [{ flow, peer, rttMs, loss: this.#layer.lossOf?.(app) ?? null, heardMs: heardUs / 1_000 }];
    });
  }

  #counters(): CounterGroups {
    return {
      tables: this.allocator.inspect(),
      [this.allocator.kind]: this.allocator.counters(),
      directory: this.#layer.directory.counters?.() ?? {},
      channel: this.#channels.counters(),
      ...this.#layer.counterGroups?.(),
    };
  }

  /** Does what was asked, and answers with what came of it. */
  #reply(req: number, action: () => unknown): void {
    if (this.#state !== 'operational') {
      this.#fail(req, 'FLOWRING_IPCP_STATE');
      return;
    }
    const done = (value: unknown): void =>
      this.#tell(value === undefined ? { t: 'ok', req } : { t: 'ok', req, value });
    try {
      const doing = action();
      if (doing instanceof Promise) doing.then(done, (error: unknown) => this.#failWith(req, error));
      else done(doing);
    } catch (error) {
      this.#failWith(req, error);
    }
  }

  #failWith(req: number, error: unknown): void {
    if (isFlowringError(error)) {
      const { code, message, details } = error;
      this.#tell({ t: 'error', req, code, message: message.slice(0, REASON_MAX_CHARS), details });
      return;
    }
    log('unexpected: %O', error);
    this.#fail(req, 'FLOWRING_INTERNAL');
  }

  #fail(req: number, code: ErrorCode): void {
    this.#tell({ t: 'error', req, code });
  }

  #tell(message: ControlMessage): void {
    if (!this.#irmdGone) this.#send(message);
  }
}
