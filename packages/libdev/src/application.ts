import { FlowringError } from '@flowring/common';
import type { FlowAcceptOptions, FlowAcceptor, Incoming } from './acceptor.ts';
import type { Flow, FlowAllocOptions, WaitOptions } from './flow-types.ts';
import type { Runtime } from './runtime.ts';

/** {@link flowAccept}'s type: callable, and with `once`. */
export interface FlowAccept {
  (options: FlowAcceptOptions & { readonly decide: true }): FlowAcceptor<Incoming>;
  (options?: FlowAcceptOptions & { readonly decide?: false }): FlowAcceptor;
  /** One flow: `await flowAccept.once({ name, timeoutMs })`. Nothing is accepted for the process afterwards. */
  once(options: FlowAcceptOptions & { readonly decide: true }): Promise<Incoming>;
  once(options?: FlowAcceptOptions & { readonly decide?: false }): Promise<Flow>;
}

/** What one process can ask of the runtime: the module's own functions, or a test layer's process. */
export interface Application {
  /**
   * Allocates a flow to a name. Rejects with `FLOWRING_NAME_UNKNOWN`, `FLOWRING_NO_ACCEPTOR`, `FLOWRING_REFUSED` (or the
   * code the peer refused with), `FLOWRING_UNREACHABLE_NAME`, `FLOWRING_LAYER_UNKNOWN`, `FLOWRING_BAD_QOS`,
   * `FLOWRING_INVALID_ARGUMENT`, `FLOWRING_TIMEOUT`, `FLOWRING_ABORTED`, `FLOWRING_IRMD_UNREACHABLE`, `FLOWRING_VERSION`,
   * `FLOWRING_TOO_MANY`, `FLOWRING_CHANNEL`. After a rejection nothing is left at either end.
   */
  readonly flowAlloc: (name: string, options?: FlowAllocOptions) => Promise<Flow>;
  /**
   * Accepts flows: `for await (const flow of flowAccept({ name })) ...`; or `flowAccept.once` for one. Accepting starts
   * with the call. With `decide: true` it gives requests to accept or refuse.
   */
  readonly flowAccept: FlowAccept;
  /** Broadcast layers are not there yet: rejects with `FLOWRING_NOT_SUPPORTED`. */
  readonly flowJoin: (layer: string, options?: WaitOptions) => Promise<Flow>;
  /** Makes this process one that accepts for the name; repeated by itself after a restart of the IRMd. */
  readonly bind: (name: string, options?: WaitOptions) => Promise<void>;
  readonly unbind: (name: string, options?: WaitOptions) => Promise<void>;
  /** Ends all acceptors, flows and channels of this process and leaves the IRMd. A later call connects again. */
  readonly shutdown: () => Promise<void>;
}

type AcceptArgument = FlowAcceptOptions & { readonly decide?: boolean };

/** The application's functions over a runtime. */
export function createApplication(runtime: Runtime): Application {
  const accept = (options: AcceptArgument = {}): unknown =>
    runtime.acceptor(options, options.decide === true);
  const once = (options: AcceptArgument = {}): unknown =>
    runtime.acceptOnce(options, options.decide === true);
  return {
    flowAlloc: (name, options) => runtime.alloc(name, options),
    flowAccept: Object.assign(accept, { once }) as FlowAccept,
    flowJoin: () =>
      Promise.reject(
        new FlowringError('FLOWRING_NOT_SUPPORTED', { message: 'broadcast layers are not supported yet' }),
      ),
    bind: (name, options) => runtime.bind(name, options),
    unbind: (name, options) => runtime.unbind(name, options),
    shutdown: () => runtime.shutdown(),
  };
}
