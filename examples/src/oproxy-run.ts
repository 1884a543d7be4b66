import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { ErrorCode, Flow, QosSpec } from '@flowring/libdev';
import { flowAccept, flowAlloc } from '@flowring/libdev';
import type { Connection } from './oproxy-connection.ts';
import { TCP_OPTIONS } from './oproxy-connection.ts';
import type { Connections, Report } from './oproxy-connections.ts';
import { codeAndMessage } from './oproxy-connections.ts';

/** Where a TCP server is. */
export interface Endpoint {
  readonly host: string | undefined;
  readonly port: number;
}

export interface ListenOptions {
  readonly qos: QosSpec;
  readonly layer?: string;
  readonly bind: string;
  readonly maxConnections: number;
}

export interface ServeOptions {
  readonly bind?: string;
  readonly connectTimeout: number;
}

/** Accepts until `stopping`. */
type Accepting = (connections: Connections, report: Report, stopping: AbortSignal) => Promise<void>;

/** TCP in, flows to `name` out. */
export function listen(endpoint: Endpoint, name: string, options: ListenOptions): Accepting {
  return async (connections, report, stopping) => {
    const server = createServer(TCP_OPTIONS);
    server.maxConnections = options.maxConnections;
    server.on('drop', () => {
      report('dropped', { code: 'FLOWRING_TOO_MANY', open: connections.size });
    });
    server.on('connection', (socket) => {
      const connection = connections.add(socket);
      const client = `${socket.remoteAddress}:${socket.remotePort}`;
      allocate(connection, name, options).then(
        (flow) => {
          if (socket.destroyed) {
            flow.abort();
            return;
          }
          report('open', { connection: connection.id, client, flow: flow.id });
          connection.join(flow);
        },
        (error: unknown) => {
          connection.fail(error as Error);
        },
      );
    });
    server.listen(endpoint.port, endpoint.host ?? options.bind);
    await once(server, 'listening');
    server.on('error', (error) => {
      report('failed', codeAndMessage(error));
    });
    const { address, port } = server.address() as AddressInfo;
    report('listening', { host: address, port, name });
    if (!stopping.aborted) await once(stopping, 'abort');
    server.close();
  };
}

/** A flow for the connection, not asked for any longer than the client stays. */
function allocate({ socket }: Connection, name: string, { qos, layer }: ListenOptions): Promise<Flow> {
  const gone = new AbortController();
  socket.once('close', () => {
    gone.abort();
  });
  return flowAlloc(name, { qos, layer, signal: gone.signal });
}

/** Flows to `name` in, TCP out. */
export function serve(name: string, endpoint: Endpoint, options: ServeOptions): Accepting {
  return async (connections, report, stopping) => {
    const acceptor = flowAccept({ name });
    stopping.addEventListener('abort', () => void acceptor.close());
    const { host = 'localhost', port } = endpoint;
    report('serving', { name, host, port });
    for await (const flow of acceptor) {
      if (flow.qos.loss !== 0 || flow.qos.inOrder === 0) {
        flow.abort('FLOWRING_BAD_QOS');
        report('refused', { flow: flow.id, code: 'FLOWRING_BAD_QOS' });
        continue;
      }
      forward(flow, { host, port }, options, connections, report);
      // Past the limit, requests wait at the IRMd.
      await connections.room();
    }
  };
}

/** Connects a flow to the server; what the client says meanwhile waits in the flow. */
function forward(
  flow: Flow,
  endpoint: Endpoint,
  { bind, connectTimeout }: ServeOptions,
  connections: Connections,
  report: Report,
): void {
  const socket = connect({ ...TCP_OPTIONS, ...endpoint, host: endpoint.host!, localAddress: bind });
  const connection = connections.add(socket);
  const { id } = connection;
  const refuse = (error: Error): void => {
    const code: ErrorCode =
      codeAndMessage(error).code === 'ETIMEDOUT' ? 'FLOWRING_TIMEOUT' : 'FLOWRING_REFUSED';
    flow.abort(code);
    connection.fail(error);
  };
  socket.once('error', refuse);
  socket.setTimeout(connectTimeout, () => {
    refuse(Object.assign(new Error(`no answer in ${connectTimeout} ms`), { code: 'ETIMEDOUT' }));
  });
  socket.once('connect', () => {
    socket.off('error', refuse);
    socket.setTimeout(0);
    report('open', { connection: id, server: `${socket.remoteAddress}:${socket.remotePort}`, flow: flow.id });
    connection.join(flow);
  });
}
