import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Why hosts in network namespaces cannot be made here; `null` when they can. */
export function whyNoNamespaces(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are Linux only';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const tool of ['unshare', 'nsenter', 'ip', 'nft'])
    if (spawnSync(tool, ['--version']).error !== undefined) return `${tool} is not installed`;
  const tried = spawnSync('unshare', ['--net', 'true'], { encoding: 'utf8' });
  return tried.status === 0 ? null : `unshare --net: ${tried.stderr.trim()}`;
}

/**
 * A network namespace that lives as long as a process of ours in it. When this process dies, its pipe closes, the
 * holder reads the end and goes too, and the kernel takes the namespace with its interfaces down: nothing is left
 * even after SIGKILL.
 */
export class NetworkNamespace {
  readonly name: string;
  readonly #holder: ChildProcess;

  private constructor(name: string, holder: ChildProcess) {
    this.name = name;
    this.#holder = holder;
  }

  static async make(name: string): Promise<NetworkNamespace> {
    const holder = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(holder, 'exit').then(([code]) => {
      throw new Error(`unshare --net ended with ${String(code)}`);
    });
    // What `cat` repeats was written by it from inside.
    holder.stdin.write('inside\n');
    await Promise.race([once(holder.stdout, 'data'), ended]);
    ended.catch(() => undefined);
    const made = new NetworkNamespace(name, holder);
    made.run('ip', ['link', 'set', 'lo', 'up']);
    return made;
  }

  get pid(): number {
    return this.#holder.pid!;
  }

  /** What stands before a command so that it runs inside. The process started is the command itself. */
  get entry(): readonly [string, ...string[]] {
    return ['nsenter', `--net=/proc/${this.pid}/ns/net`];
  }

  /** Runs a command inside, with `input` on its standard input; throws with its output unless it succeeds. */
  run(command: string, args: readonly string[], input = ''): string {
    const [enter, ...into] = this.entry;
    const { status, stdout, stderr, error } = spawnSync(enter, [...into, command, ...args], {
      input,
      encoding: 'utf8',
    });
    if (error !== undefined) throw error;
    if (status !== 0) throw new Error(`${this.name}: ${command} ${args.join(' ')}: ${stderr}${input}`);
    return stdout;
  }

  /** Several commands of `ip` in one process. */
  ip(...commands: readonly string[]): void {
    this.run('ip', ['-batch', '-'], `${commands.join('\n')}\n`);
  }

  /** Joins it to another by a cable whose two ends are called `here` and `there`. */
  cable(here: string, other: NetworkNamespace, there: string): void {
    this.ip(`link add ${here} type veth peer name ${there} netns ${other.pid}`);
    this.ip(`link set ${here} up`);
    other.ip(`link set ${there} up`);
  }

  /** Its processes must have ended, or they keep it. */
  async remove(): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    const exited = once(this.#holder, 'exit');
    this.#holder.stdin!.end();
    await exited;
  }
}
