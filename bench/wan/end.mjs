// One end of what is measured: sends messages on a flow or a TCP connection, or receives and counts their bytes.
import net from 'node:net';
import { once } from 'node:events';
import { flowAccept, flowAlloc } from '@flowring/libdev';
import { serveOperations } from '../../test/scenarios/serve-operations.mjs';

const TCP_PORTS = { tcp: 5_001, otherTcp: 5_002 };
const MESSAGE = Buffer.alloc(16_384, 0x61);
/** Messages between two turns of the loop. */
const BURST = 4;

const received = { flow: 0, tcp: 0, otherTcp: 0 };
/** What sends, by kind. */
const sending = new Map();

const turn = () => new Promise(setImmediate);

async function serveTcp(address, kind) {
  const server = net.createServer((socket) => {
    socket.on('data', (chunk) => (received[kind] += chunk.length));
    socket.on('error', () => socket.destroy());
  });
  server.listen(TCP_PORTS[kind], address);
  await once(server, 'listening');
}

function serveFlows(name) {
  const acceptor = flowAccept({ name });
  void (async () => {
    for await (const flow of acceptor) void count(flow).catch(() => undefined);
  })();
}

async function count(flow) {
  for (;;) {
    const message = flow.tryRead();
    if (message === 'would-block') await flow.readable();
    else if (message === null) return flow.dealloc();
    else received.flow += message.length;
  }
}

async function tcp(kind, address) {
  const socket = net.connect({ port: TCP_PORTS[kind], host: address, noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const blast = async () => {
    while (!socket.destroyed) {
      if (socket.write(MESSAGE)) await turn();
      else await new Promise((resolve) => socket.once('drain', resolve));
    }
  };
  return { blast, stop: () => void socket.resetAndDestroy() };
}

const senders = {
  tcp,
  otherTcp: tcp,
  async flow(_kind, _address, name) {
    const flow = await flowAlloc(name, { qos: 'data' });
    const blast = async () => {
      for (;;) {
        let burst = 0;
        while (burst < BURST && flow.tryWrite(MESSAGE) === 'sent') burst += 1;
        if (burst === BURST) await turn();
        else await flow.writable();
      }
    };
    return { blast, stop: () => flow.abort(), inspect: () => flow.inspect() };
  },
};

serveOperations({
  async serve(address, name) {
    for (const kind of Object.keys(TCP_PORTS)) await serveTcp(address, kind);
    serveFlows(name);
  },
  /** Bytes received since the begin, by kind, and when that was, in ms. */
  received: () => ({ ...received, atMs: performance.timeOrigin + performance.now() }),
  /** Connects, and sends until `stop`. */
  async start(kind, address, name) {
    const sender = await senders[kind](kind, address, name);
    sending.set(kind, sender);
    sender.blast().catch(() => undefined);
  },
  inspect: (kind) => sending.get(kind).inspect(),
  async stop(kind) {
    await sending.get(kind).stop();
    sending.delete(kind);
  },
});
