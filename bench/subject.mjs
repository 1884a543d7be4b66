// Remote control of one subject's client process.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CLIENT = fileURLToPath(new URL('./client.mjs', import.meta.url));

/** `execArgv`: Node's options for both ends. */
export async function startSubject(description, env, execArgv = []) {
  const child = fork(CLIENT, [], {
    env,
    execArgv,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let settle = null;
  child.on('message', (message) => settle.message(message));
  const exited = new Promise((resolve) => child.once('exit', resolve));
  void exited.then(() => settle?.exit());
  const call = (op, args) =>
    new Promise((resolve, reject) => {
      settle = {
        message: ({ value, error }) =>
          error === undefined ? resolve(value) : reject(new Error(`${op}: ${error}`)),
        exit: () => reject(new Error(`${op}: the process of ${description.title} ended`)),
      };
      child.send({ op, args });
    });
  const { pids } = await call('start', description);
  return {
    pids,
    call,
    async stop() {
      await call('stop');
      await exited;
    },
  };
}
