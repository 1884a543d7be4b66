import type { FieldKind, FieldTypes } from './control-values.ts';

/**
 * The catalogue of control messages: every message, every field, one table. The types, the validator and
 * docs/spec/control.md derive from it. A trailing `?` marks an optional field.
 *
 * Lanes: `hello` and management requests travel on zeromq; everything that belongs to a flow, and everything
 * the IRMd starts, travels on the lifeline. A reply returns on the lane of its request.
 */
export const CONTROL_MESSAGES = {
  // Any process -> IRMd, on zeromq.
  hello: {
    req: 'u32',
    version: 'u32',
    kind: 'processKind',
    program: 'text',
    path: 'text',
    channels: 'channelKinds',
    token: 'text?',
  },
  'name-create': { req: 'u32', name: 'name', policy: 'policy?' },
  'name-destroy': { req: 'u32', name: 'name' },
  'name-register': { req: 'u32', name: 'name', ipcp: 'name?', layer: 'name?' },
  'name-unregister': { req: 'u32', name: 'name', ipcp: 'name?', layer: 'name?' },
  'name-list': { req: 'u32', after: 'u32?' },
  'bind-program': { req: 'u32', program: 'text', name: 'name', auto: 'bool', args: 'texts' },
  'unbind-program': { req: 'u32', program: 'text', name: 'name?' },
  'bind-process': { req: 'u32', pid: 'u32', name: 'name' },
  'unbind-process': { req: 'u32', pid: 'u32', name: 'name?' },
  'bind-ipcp': { req: 'u32', ipcp: 'name', name: 'name' },
  'unbind-ipcp': { req: 'u32', ipcp: 'name', name: 'name?' },
  'ipcp-create': { req: 'u32', ipcp: 'name', type: 'text' },
  'ipcp-destroy': { req: 'u32', ipcp: 'name' },
  'ipcp-configure': { req: 'u32', ipcp: 'name', layer: 'name', config: 'config?' },
  'ipcp-list': { req: 'u32' },
  'flow-list': { req: 'u32', after: 'u32?' },
  'process-list': { req: 'u32', after: 'u32?' },
  metrics: { req: 'u32' },
  status: { req: 'u32' },
  shutdown: { req: 'u32' },

  // Application -> IRMd, on the lifeline.
  alloc: {
    req: 'u32',
    name: 'name',
    qos: 'qos',
    timeoutMs: 'u32',
    layer: 'name?',
    direct: 'bool?',
    lease: 'bool?',
    data: 'bytes?',
  },
  cancel: { req: 'u32' },
  accept: { acceptor: 'u32', name: 'name?', add: 'u32', decide: 'bool', req: 'u32?' },
  'accept-close': { acceptor: 'u32' },
  answer: { flow: 'u32', code: 'errorCode?', data: 'bytes?' },
  opened: { flow: 'u32', qos: 'qos' },
  dealloc: { flow: 'u32' },
  'channel-up': { channel: 'u32' },
  'channel-down': { channel: 'u32' },

  // IRMd -> application, on the lifeline. Absent params and peer: as in the channel's last message that had them.
  allocated: {
    req: 'u32',
    flow: 'u32',
    qos: 'qos',
    channel: 'u32',
    open: 'channel?',
    params: 'params?',
    peer: 'peer?',
    layer: 'name?',
    lease: 'u32?',
    data: 'bytes?',
  },
  offer: {
    acceptor: 'u32',
    flow: 'u32',
    name: 'name',
    qos: 'qos',
    decide: 'bool',
    channel: 'u32',
    open: 'channel?',
    params: 'params?',
    peer: 'peer?',
    layer: 'name?',
    lease: 'u32?',
    data: 'bytes?',
  },
  path: { flow: 'u32', params: 'params' },
  'lease-over': { lease: 'u32' },
  'offer-withdrawn': { flow: 'u32', code: 'errorCode' },
  'peer-gone': { channel: 'u32' },

  // IRMd -> IPCP, on the lifeline.
  'ipcp-bootstrap': { req: 'u32', layer: 'name', config: 'config?' },
  'ipcp-register': { req: 'u32', name: 'name' },
  'ipcp-unregister': { req: 'u32', name: 'name' },
  'ipcp-query': { req: 'u32', name: 'name' },
  'ipcp-flows': { req: 'u32', flows: 'u32s' },
  'ipcp-metrics': { req: 'u32' },
  'ipcp-alloc': {
    flow: 'u32',
    name: 'name',
    qos: 'qos',
    timeoutMs: 'u32',
    channel: 'u32',
    open: 'channel?',
    data: 'bytes?',
  },
  'ipcp-accept': { incoming: 'u32', flow: 'u32', channel: 'u32', open: 'channel?', data: 'bytes?' },
  'ipcp-refuse': { incoming: 'u32', code: 'errorCode' },
  'ipcp-dealloc': { flow: 'u32' },

  // IPCP -> IRMd, on the lifeline.
  'ipcp-allocated': { flow: 'u32', qos: 'qos', params: 'params', data: 'bytes?' },
  'ipcp-refused': { flow: 'u32', code: 'errorCode' },
  'ipcp-incoming': {
    incoming: 'u32',
    name: 'name',
    qos: 'qos',
    timeoutMs: 'u32',
    params: 'params',
    data: 'bytes?',
  },
  'ipcp-incoming-gone': { incoming: 'u32' },
  'ipcp-released': { flow: 'u32' },
  'ipcp-path': { flow: 'u32', params: 'params' },

  // Replies, either way.
  ok: { req: 'u32', value: 'value?' },
  error: { req: 'u32', code: 'errorCode', message: 'text?', details: 'details?' },
} as const satisfies Record<string, Readonly<Record<string, FieldKind | `${FieldKind}?`>>>;

export type ControlType = keyof typeof CONTROL_MESSAGES;

/** One message, by its type: `ControlMessage<'alloc'>`; without argument, any of them. */
export type ControlMessage<T extends ControlType = ControlType> = {
  [K in T]: { readonly t: K } & Fields<(typeof CONTROL_MESSAGES)[K]>;
}[T];

/** Requests that travel on zeromq, as `hello` does; all other messages travel on the lifeline. */
export const MANAGEMENT = [
  'name-create',
  'name-destroy',
  'name-register',
  'name-unregister',
  'name-list',
  'bind-program',
  'unbind-program',
  'bind-process',
  'unbind-process',
  'bind-ipcp',
  'unbind-ipcp',
  'ipcp-create',
  'ipcp-destroy',
  'ipcp-configure',
  'ipcp-list',
  'flow-list',
  'process-list',
  'metrics',
  'status',
  'shutdown',
] as const satisfies readonly ControlType[];

export type ManagementType = (typeof MANAGEMENT)[number];

type Fields<F> = {
  readonly [K in keyof F as F[K] extends `${string}?` ? never : K]: Value<F[K]>;
} & {
  readonly [K in keyof F as F[K] extends `${string}?` ? K : never]?: Value<F[K]>;
};

type Value<K> = K extends `${infer B}?` ? Value<B> : K extends FieldKind ? FieldTypes[K] : never;
