// Starts a program under remote control (agent-program.mjs) and calls its operations.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./agent-program.mjs', import.meta.url));

export async function startAgent(env) {
  const child = fork(PROGRAM, [], {
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const pending = new Map();
  let nextCall = 1;
  let exit = null;
  const exited = new Promise((resolve) =>
    child.once('exit', (code, signal) => resolve((exit = { code, signal }))),
  );
  void exited.then(({ code, signal }) => {
    for (const { reject } of pending.values()) reject(new Error(`the agent exited: ${code ?? signal}`));
    pending.clear();
  });
  child.on('message', ({ call, value, error }) => {
    const waiting = pending.get(call);
    pending.delete(call);
    if (error === undefined) waiting?.resolve(value);
    else
      waiting?.reject(Object.assign(new Error(error.message), { code: error.code, details: error.details }));
  });

  const call = (op, ...args) =>
    new Promise((resolve, reject) => {
      if (exit !== null) return reject(new Error('the agent has exited'));
      const id = nextCall++;
      pending.set(id, { resolve, reject });
      // It may die before we learn of it; without the callback that would be an 'error' event nobody hears.
      child.send({ call: id, op, args }, (error) => {
        if (error !== null && pending.delete(id)) reject(error);
      });
    });

  await call('ping');
  return {
    pid: child.pid,
    call,
    exited,
    /** Ends it at once; returns when it happened, in ns of the monotonic clock all processes share. */
    kill9() {
      const at = process.hrtime.bigint();
      child.kill('SIGKILL');
      return at;
    },
    async stop() {
      if (child.connected) child.disconnect();
      return exited;
    },
  };
}
