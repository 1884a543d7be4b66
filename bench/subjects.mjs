// What is measured: our flows and the peers beside them.
import path from 'node:path';

/** `dir` is a private temporary directory. `goal: true` marks our own. */
export function subjects(dir) {
  const at = (name) => path.join(dir, name);
  return {
    raw: { title: 'flow, raw', module: 'flow', serve: { name: 'bench-raw' }, connect: { qos: 'raw' } },
    reliable: {
      title: 'flow, reliable',
      module: 'flow',
      serve: { name: 'bench-reliable' },
      connect: { qos: 'data' },
      // An idle connection is folded 150 ms after its last acknowledgement, which may take A = 100 ms.
      idleMs: 1_000,
    },
    unix: { title: 'node:net unix stream', module: 'stream', serve: { path: at('unix.sock') } },
    unixCorked: {
      title: 'unix stream, corked',
      module: 'stream',
      serve: { path: at('unix-corked.sock') },
      connect: { batching: 'cork' },
    },
    unixCoalesced: {
      title: 'unix stream, hand-coalesced',
      module: 'stream',
      serve: { path: at('unix-coalesced.sock') },
      connect: { batching: 'coalesce' },
    },
    tcp: { title: 'node:net TCP loopback', module: 'stream', serve: {} },
    zeromq: { title: 'zeromq ipc', module: 'zeromq', serve: { path: at('zmq.sock') } },
    ipcAdvanced: {
      title: 'child_process, advanced',
      module: 'child-ipc',
      serve: { serialization: 'advanced' },
      serialization: 'advanced',
    },
    ipcJson: {
      title: 'child_process, json',
      module: 'child-ipc',
      serve: { serialization: 'json' },
      serialization: 'json',
    },
  };
}

export const subjectModule = (module) => import(`./peers/${module}.mjs`);
