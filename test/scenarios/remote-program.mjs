// Starts a node program that serves operations (serve-operations.mjs) and calls them.
import { spawn } from 'node:child_process';

/**
 * Starts `args` in node. `entry` stands before the command, for programs that run somewhere else: it must become
 * the command itself (exec), so that its pid and its channel to us stay.
 *
 * @param {{ args: readonly string[], env: NodeJS.ProcessEnv, entry?: readonly string[] }} options
 */
export async function startRemoteProgram({ args, env, entry = [] }) {
  const [command, ...rest] = [...entry, process.execPath, ...args];
  const child = spawn(command, rest, {
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
    for (const { reject } of pending.values()) reject(new Error(`the program exited: ${code ?? signal}`));
    pending.clear();
  });
  child.on('message', ({ call, value, error }) => {
    const waiting = pending.get(call);
    pending.delete(call);
    if (error === undefined) waiting?.resolve(value);
    else
      waiting?.reject(Object.assign(new Error(error.message), { code: error.code, details: error.details }));
  });

  const call = (op, ...callArgs) =>
    new Promise((resolve, reject) => {
      if (exit !== null) return reject(new Error('the program has exited'));
      const id = nextCall++;
      pending.set(id, { resolve, reject });
      // It may die before we learn of it; without the callback that would be an 'error' event nobody hears.
      child.send({ call: id, op, args: callArgs }, (error) => {
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
    kill(signal) {
      child.kill(signal);
    },
    async stop() {
      if (child.connected) child.disconnect();
      return exited;
    },
  };
}
