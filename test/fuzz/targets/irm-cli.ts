import { irmProgram } from '../../../packages/irmd/src/cli/irm-program.ts';
import { demand, type FuzzTarget } from '../engine/target.ts';

/** No daemon can be in it: commands get as far as their first request. */
const NO_DIR = '/dev/null/none';
const EXIT_CODES = new Set([0, 1, 2, 4]);
const text = new TextDecoder();

/** Lines are arguments; where the daemon is, an input may not say. */
function argumentsOf(input: Uint8Array): string[] {
  const lines = text.decode(input).replaceAll('\0', '').split('\n');
  return lines.map((line) => (line.startsWith('--dir') ? '--json' : line));
}

async function runIrm(args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const program = irmProgram({
    out: (more) => void (said.out += more),
    err: (more) => void (said.err += more),
  });
  const { exitCode } = process;
  const { FLOWRING_DIR } = process.env;
  process.exitCode = 0;
  process.env['FLOWRING_DIR'] = NO_DIR;
  let code: number;
  try {
    await program.parseAsync([...args], { from: 'user' });
    code = Number(process.exitCode);
  } catch (error) {
    // By its code: jest loads the class a second time.
    if (!String((error as { code?: unknown }).code).startsWith('commander.')) throw error;
    code = (error as { exitCode: number }).exitCode === 0 ? 0 : 2;
  } finally {
    process.exitCode = exitCode;
    if (FLOWRING_DIR === undefined) delete process.env['FLOWRING_DIR'];
    else process.env['FLOWRING_DIR'] = FLOWRING_DIR;
  }
  return { code, ...said };
}

const COMMANDS = [
  'ipcp create i --type local',
  'ipcp bootstrap i --layer l --type local',
  'ipcp destroy i',
  'ipcp list --json',
  'name create n --policy least-flows',
  'name destroy n',
  'name register n --layer l',
  'name unregister n --ipcp i',
  'name list',
  'bind program node n --auto -- --listen',
  'bind process 1 n',
  'bind ipcp i n',
  'unbind process 1',
  'unbind ipcp i n',
  'unbind program /x/y n',
  'flow list',
  'process list',
  'status --json',
  'events --count 3',
  'stop',
  'completion zsh',
  '--help',
];

export const target: FuzzTarget = {
  name: 'irm-cli',
  about: 'arguments of irm, one a line: only exit codes that are documented, and with --json errors are JSON',
  maxBytes: 200,
  isText: true,
  words: ['\n', '\n--', '\n--json', '--layer=', '-1', '1e3', '0x10', '4294967296'],
  seeds: COMMANDS.map((line) => Uint8Array.from(Buffer.from(line.replaceAll(' ', '\n')))),
  async run(input) {
    const args = argumentsOf(input);
    const { code, out, err } = await runIrm(args);
    demand(EXIT_CODES.has(code), `exit code ${code} is not documented`);
    demand(code === 0 || err !== '', 'fails without a word');
    demand(code === 0 || code === 2 || out === '', 'an error prints to stdout');
    const wantsJson = !args.includes('--') && args.includes('--json');
    if (!wantsJson || code !== 4) return;
    const { error } = JSON.parse(err) as { error: { code: string } };
    demand(error.code === 'FLOWRING_IRMD_UNREACHABLE', 'another error than the exit code says');
  },
};
