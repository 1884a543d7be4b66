import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { isFlowringError } from '@flowring/common';
import type { IrmConfig } from '../adapters/config-file.ts';
import { parseConfig, readConfig } from '../adapters/config-file.ts';
import { collectPair, readLayerConfig } from '../cli/layer-config.ts';
import type { Daemon } from '../irm-daemon.ts';
import { startDaemon } from '../irm-daemon.ts';
import { EXIT } from '../exit-codes.ts';
import { SERVING, startInBackground } from './background.ts';

interface IrmdOptions {
  readonly dir?: string;
  readonly config?: string;
  readonly auto?: boolean;
  readonly background?: boolean;
  readonly layer?: string;
  readonly type?: string;
  readonly set: readonly string[];
  readonly idleExitMs?: number;
}

/** The `irmd` command: runs the daemon in the foreground until it is told to stop. */
export async function runIrmd(argv: readonly string[]): Promise<void> {
  const command = new Command('irmd')
    .description('The IRM daemon: names, programs, processes, layers and flow endpoints of this host.')
    .option(
      '--dir <dir>',
      'runtime directory (default: $FLOWRING_DIR, $XDG_RUNTIME_DIR/flowring, /tmp/flowring-UID)',
    )
    .option('--config <file>', 'TOML file of layers, names and bindings to bring up')
    .option('--layer <layer>', 'bring up an IPCP of that name in this layer')
    .option('--type <type>', 'with --layer: its type (default: local)')
    .option(
      '--set <key=value>',
      'with --layer: what its type wants to know; may be repeated',
      collectPair,
      [],
    )
    .option('--background', 'return when the daemon serves; it goes on, and prints to irmd.log')
    .option('--auto', 'bring up a layer "local"; end after a time without programs')
    .option('--idle-exit-ms <ms>', 'with --auto: that time (default: $FLOWRING_IDLE_EXIT_MS, 30000)', parseMs)
    .addHelpText('after', EXIT_HELP)
    .exitOverride()
    .action(async (options: IrmdOptions) => {
      if (options.background !== true) return serve(options);
      const args = argv.slice(2).filter((one) => one !== '--background');
      process.exitCode = await startInBackground(options.dir, args);
    });
  try {
    await command.parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    else reportStartFailure(error);
  }
}

async function serve(options: IrmdOptions): Promise<void> {
  const { FLOWRING_IDLE_EXIT_MS } = process.env;
  const idleExitMs =
    options.idleExitMs ?? (FLOWRING_IDLE_EXIT_MS === undefined ? undefined : parseMs(FLOWRING_IDLE_EXIT_MS));
  const daemon = await startDaemon({
    ...(options.dir === undefined ? {} : { dir: options.dir }),
    ...(idleExitMs === undefined ? {} : { idleExitMs }),
    config: configOf(options),
    auto: options.auto === true,
    onLog: say,
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.once(signal, () => void daemon.stop());
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.once(event, (error: unknown) => crash(daemon, error));
  }
  say(`serving ${daemon.dir}, pid ${process.pid}`);
  if (process.send !== undefined) {
    process.send(SERVING);
    process.disconnect();
  }
  await daemon.stopped;
  say('stopped');
}

/** What the file says, and after it what the command line says. */
function configOf({ config: file, layer, type = 'local', set }: IrmdOptions): IrmConfig {
  const config = file === undefined ? parseConfig('') : readConfig(file);
  if (layer === undefined) return config;
  const ipcp = { ipcp: layer, type, layer, config: readLayerConfig(undefined, set), at: '--set' };
  return { ...config, ipcps: [...config.ipcps, ipcp] };
}

/** An internal error: what is known goes to a file, children end, and the daemon does not go on with broken state. */
function crash(daemon: Daemon, error: unknown): void {
  const report = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const path = join(daemon.dir, 'irmd-crash.txt');
  try {
    writeFileSync(
      path,
      `${new Date().toISOString()} irmd ${process.pid} node ${process.version}\n${report}\n`,
    );
  } catch {
    say('the crash report could not be written');
  }
  say(`FLOWRING_INTERNAL: ${report}\nirmd: please report it; this text is in ${path}`);
  daemon.abort();
  process.exit(EXIT.internal);
}

function reportStartFailure(error: unknown): void {
  if (isFlowringError(error)) {
    say(`${error.code}: ${error.message}`);
    process.exitCode = error.code === 'FLOWRING_ALREADY_RUNNING' ? EXIT.alreadyRunning : EXIT.failed;
    return;
  }
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = EXIT.internal;
}

function parseMs(text: string): number {
  const ms = Number(text);
  if (!Number.isInteger(ms) || ms < 1 || ms > 0x7fff_ffff) throw new InvalidArgumentError('not a time in ms');
  return ms;
}

function say(line: string): void {
  process.stderr.write(`irmd: ${line}\n`);
}

const EXIT_HELP = `
Exit codes: 0 stopped, 1 could not start, 2 wrong usage, 3 another daemon serves the directory, 70 internal error.`;
