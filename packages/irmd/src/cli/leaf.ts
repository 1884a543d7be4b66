import { resolve } from 'node:path';
import { Command } from 'commander';
import type { FlowringError } from '@flowring/common';
import { isFlowringError } from '@flowring/common';
import type { ControlClient, ManagementRequest } from '@flowring/control';
import { connectControl, runtimeDir } from '@flowring/control';
import { EXIT } from '../exit-codes.ts';
import type { Column } from './aligned-table.ts';
import { alignedTable } from './aligned-table.ts';

/** Where a command writes. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly dir?: string;
}

/** What a command works with: the daemon, and ways to say what came out. */
export interface Session {
  readonly dir: string;
  readonly json: boolean;
  /** Asks the daemon, connecting first if need be. */
  request(request: ManagementRequest, timeoutMs?: number): Promise<Row>;
  /** Reaches the daemon, or rejects `FLOWRING_IRMD_UNREACHABLE`. */
  connect(): Promise<void>;
  /** All rows of a paged list. */
  list(t: 'name-list' | 'flow-list' | 'process-list' | 'ipcp-list'): Promise<readonly Row[]>;
  /** Says what was changed: a sentence, or with --json the value. */
  changed(sentence: string, value: Row): void;
  table(columns: readonly Column<Row>[], rows: readonly Row[], whenEmpty: string): void;
  line(text: string): void;
}

export type Row = Readonly<Record<string, unknown>>;

/** Makes a command that talks to the daemon, with --json and --dir, and turns failures into exit codes. */
export function leaf(
  usage: string,
  description: string,
  terminal: Terminal,
  run: (session: Session, command: Command) => Promise<void>,
): Command {
  const [name, ...operands] = usage.split(' ');
  const command = new Command(name);
  if (operands.length > 0) command.arguments(operands.join(' '));
  return command
    .description(description)
    .option('--json', 'print JSON')
    .option('--dir <dir>', 'runtime directory of the daemon (default: $FLOWRING_DIR and so on)')
    .action(async (...args: unknown[]) => {
      const self = args.at(-1) as Command;
      const session = new DaemonSession(self.opts<CommonOptions>(), terminal);
      try {
        await run(session, self);
      } catch (error) {
        if (!isFlowringError(error)) throw error;
        report(error, session.json, terminal);
      } finally {
        await session.close();
      }
    });
}

class DaemonSession implements Session {
  readonly dir: string;
  readonly json: boolean;
  readonly #terminal: Terminal;
  #client: ControlClient | null = null;

  constructor(options: CommonOptions, terminal: Terminal) {
    this.dir = options.dir === undefined ? runtimeDir() : resolve(options.dir);
    this.json = options.json === true;
    this.#terminal = terminal;
  }

  async request(request: ManagementRequest, timeoutMs?: number): Promise<Row> {
    await this.connect();
    const value = await this.#client!.request(request, timeoutMs === undefined ? {} : { timeoutMs });
    return isRow(value) ? value : {};
  }

  async connect(): Promise<void> {
    this.#client ??= await connectControl({
      dir: this.dir,
      kind: 'tool',
      program: 'irm',
      path: process.argv[1] ?? 'irm',
      channels: [],
      onMessage: () => undefined,
      onClose: () => undefined,
    });
  }

  async list(t: 'name-list' | 'flow-list' | 'process-list' | 'ipcp-list'): Promise<readonly Row[]> {
    const all: Row[] = [];
    for (let after = 0; ;) {
      const page = await this.request(t === 'ipcp-list' ? { t } : { t, after });
      if (Array.isArray(page['rows'])) all.push(...page['rows'].filter(isRow));
      if (typeof page['next'] !== 'number') return all;
      after = page['next'];
    }
  }

  changed(sentence: string, value: Row): void {
    this.line(this.json ? JSON.stringify(value) : sentence);
  }

  table(columns: readonly Column<Row>[], rows: readonly Row[], whenEmpty: string): void {
    if (this.json) this.line(JSON.stringify(rows));
    else if (rows.length === 0) this.line(whenEmpty);
    else for (const line of alignedTable(columns, rows)) this.line(line);
  }

  line(text: string): void {
    this.#terminal.out(`${text}\n`);
  }

  async close(): Promise<void> {
    await this.#client?.close();
  }
}

/** Says what failed, in words or as JSON, on stderr, and sets the exit code. */
function report(error: FlowringError, json: boolean, terminal: Terminal): void {
  const { code, message, details } = error;
  terminal.err(
    json ? `${JSON.stringify({ error: { code, message, details } })}\n` : `irm: ${message} (${code})\n`,
  );
  process.exitCode = code === 'FLOWRING_IRMD_UNREACHABLE' ? EXIT.noDaemon : EXIT.failed;
}

/** A column of a row's field. */
export function field(title: string, key: string): Column<Row> {
  return {
    title,
    of: (row) => {
      const value = row[key];
      return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? value
        : null;
    },
  };
}

/** A column of a list of texts or numbers, joined by commas. */
export function listField(title: string, key: string): Column<Row> {
  return { title, of: (row) => (Array.isArray(row[key]) ? row[key].map(String).join(',') : null) };
}

export function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
