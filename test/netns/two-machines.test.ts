import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { run } from '../scenarios/private-daemon.mjs';
import { until } from '../scenarios/until.mjs';
import { ROOT } from '../support/started-program.ts';
import type { Side } from './relay/relaying.ts';
import { describeOnTwoHosts } from './support/describe-on-two-hosts.ts';
import { TwoHosts } from './support/two-hosts.ts';

const IRM = path.join(ROOT, 'packages/irmd/dist/bin/irm.js');
const operating = fs.readFileSync(path.join(ROOT, 'docs/OPERATING.md'), 'utf8');

/** The commands printed in docs/OPERATING.md behind a mark. */
function printed(machine: 'one' | 'two'): string {
  const mark = `<!-- two machines: ${machine} -->`;
  return /```sh\n([^]*?)```/.exec(operating.slice(operating.indexOf(mark)))![1]!;
}

/** A host as its owner sees it: a shell, and a runtime directory. */
class Machine {
  readonly env: NodeJS.ProcessEnv;
  output = '';
  readonly #entry: readonly [string, ...string[]];

  constructor(hosts: TwoHosts, side: Side) {
    this.#entry = hosts[side].entry;
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'flowring-machine-'));
    this.env = { ...process.env, FLOWRING_DIR: dir, NODE_OPTIONS: '' };
  }

  /** Resolves when the shell has ended; what it left in the background runs on. */
  async shell(commands: string): Promise<void> {
    const [enter, ...into] = this.#entry;
    const child = spawn(enter, [...into, 'sh', '-e', '-c', commands], {
      cwd: ROOT,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    const code = await new Promise((resolve) => child.once('exit', resolve));
    if (code !== 0) throw new Error(`ended with ${String(code)}:\n${this.output}`);
  }

  async irmJson(...args: string[]): Promise<Record<string, unknown>[]> {
    return JSON.parse((await run(process.execPath, [IRM, ...args, '--json'], this.env)).stdout);
  }

  async stop(): Promise<void> {
    for (const { pid } of await this.irmJson('process', 'list').catch(() => [])) {
      if (Number(pid) !== process.pid) end(Number(pid));
    }
    await run(process.execPath, [IRM, 'stop'], this.env).catch(() => undefined);
    fs.rmSync(this.env['FLOWRING_DIR']!, { recursive: true, force: true });
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It ended by itself.
  }
}

describeOnTwoHosts('the commands for two machines in OPERATING.md', () => {
  let hosts: TwoHosts;
  let one: Machine;
  let two: Machine;

  beforeAll(async () => {
    // The address they are printed with.
    hosts = await TwoHosts.joined();
    one = new Machine(hosts, 'b');
    two = new Machine(hosts, 'a');
  });
  afterAll(async () => {
    await two.stop();
    await one.stop();
    await hosts.remove();
  });

  test('are five', () => {
    expect(`${printed('one')}${printed('two')}`.trim().split('\n').length).toBe(5);
  });

  test('take a message to the other machine and back', async () => {
    await one.shell(printed('one'));
    await until(
      async () => (await one.irmJson('name', 'list')).some(({ acceptors }) => Number(acceptors) > 0),
      'the server accepts',
    );
    await two.shell(printed('two'));
    expect(two.output).toContain('Server replied with hello, other host');
    await until(() => one.output.includes('hello, other host'), 'the server tells of the message');
  });

  test('serve a reliable flow too', async () => {
    await two.shell("npx oecho --reliable --message 'and surely'");
    expect(two.output).toContain('Server replied with and surely');
  });
});
