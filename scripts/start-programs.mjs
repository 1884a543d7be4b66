// The programs `npm start` shows: the daemon, oecho servers and clients; their output is printed indented.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from './steps.mjs';

const IRMD = path.join(ROOT, 'packages/irmd/dist/bin/irmd.js');
const IRM = path.join(ROOT, 'packages/irmd/dist/bin/irm.js');
const OECHO = path.join(ROOT, 'examples/dist/oecho.js');
const DEADLINE_MS = 20_000;

export class Programs {
  #env;
  #running = new Set();

  constructor(env) {
    this.#env = env;
  }

  async startDaemon() {
    const daemon = this.#start('irmd', IRMD, [], { isShown: false });
    await this.#until(async () => {
      if (!daemon.isRunning) throw new Error(`the daemon ended:\n${daemon.output}`);
      return (await this.#irmQuietly('status')) !== null;
    }, 'the daemon answers');
  }

  async irm(...args) {
    console.log(`    $ irm ${args.join(' ')}`);
    await this.#start('irm', IRM, args).succeeded();
  }

  async startServer(...args) {
    const server = this.#start('server', OECHO, ['--listen', ...args]);
    await server.line('Starting the server.');
    await this.#until(() => this.#accepts('oecho'), 'the server accepts flows for the name oecho');
    return server;
  }

  startClient(...args) {
    return this.#start('client', OECHO, args);
  }

  /** Ends everything, the daemon last. */
  async stopAll() {
    for (const program of [...this.#running].reverse()) await program.stop();
  }

  async #accepts(name) {
    const names = JSON.parse((await this.#irmQuietly('name', 'list', '--json')) ?? '[]');
    return names.some((one) => one.name === name && one.acceptors > 0);
  }

  async #irmQuietly(...args) {
    const irm = this.#start('irm', IRM, args, { isShown: false });
    return (await irm.exited).code === 0 ? irm.output : null;
  }

  async #until(predicate, what) {
    const end = performance.now() + DEADLINE_MS;
    while (!(await predicate())) {
      if (performance.now() > end) throw new Error(`waited ${DEADLINE_MS / 1_000} s in vain: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  #start(title, script, args, options) {
    const program = new Program(title, script, args, this.#env, options);
    this.#running.add(program);
    void program.exited.then(() => this.#running.delete(program));
    return program;
  }
}

class Program {
  isRunning = true;
  exited;
  #child;
  #title;
  #lines = [];
  #watchers = new Set();

  constructor(title, script, args, env, { isShown = true } = {}) {
    this.#title = title;
    this.#child = spawn(process.execPath, [script, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#take(line, isShown));
    }
    this.exited = new Promise((resolve) =>
      this.#child.once('close', (code, signal) => resolve({ code, signal })),
    );
    void this.exited.then(() => {
      this.isRunning = false;
      for (const watch of this.#watchers) watch();
    });
  }

  get output() {
    return this.#lines.join('\n');
  }

  lineWith(text) {
    return this.#lines.find((line) => line.includes(text));
  }

  /** Resolves to the first line that holds `text`. */
  line(text) {
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(deadline);
        this.#watchers.delete(look);
        settle(value);
      };
      const look = () => {
        const found = this.lineWith(text);
        if (found !== undefined) finish(resolve, found);
        else if (!this.isRunning)
          finish(reject, new Error(`the ${this.#title} ended without saying "${text}"`));
      };
      const missing = new Error(`the ${this.#title} did not say "${text}" within ${DEADLINE_MS / 1_000} s`);
      const deadline = setTimeout(() => finish(reject, missing), DEADLINE_MS);
      this.#watchers.add(look);
      look();
    });
  }

  /** The time printed in front of the line that holds `text`, ms of wall time. */
  async timeOf(text) {
    return Number(/^\[(\d+\.\d+)\]/.exec(await this.line(text))[1]) * 1_000;
  }

  async succeeded() {
    const { code, signal } = await this.exited;
    if (code !== 0) throw new Error(`the ${this.#title} ended with ${code ?? signal}`);
  }

  /** Kills it and returns when, ms of wall time. */
  kill9() {
    const atMs = performance.timeOrigin + performance.now();
    this.#child.kill('SIGKILL');
    return atMs;
  }

  async stop() {
    if (this.isRunning) this.#child.kill('SIGTERM');
    const hard = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await this.exited;
    clearTimeout(hard);
  }

  #take(line, isShown) {
    this.#lines.push(line);
    if (isShown) console.log(`    ${this.#title.padEnd(6)} | ${line}`);
    for (const watch of this.#watchers) watch();
  }
}
