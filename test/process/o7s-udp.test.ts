// Our nodes with each other in the C prototype's format, each a daemon on a loopback address of its own. What they are
// to the prototype itself is docs/INTEROP.md.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startPrivateDaemon } from '../scenarios/private-daemon.mjs';
import { until } from '../scenarios/until.mjs';
import { StartedProgram } from '../support/started-program.ts';
import type { PrivateDaemon } from './flows-support.ts';
import { freePort } from './udp-support.ts';

const LAYER = 'o7s';
const CLIENT_HOST = '127.0.0.1';
const SERVER_HOST = '127.0.0.2';
const NAMES = ['oecho', 'oping'];

let client: PrivateDaemon;
let server: PrivateDaemon;
const servers: StartedProgram[] = [];

beforeAll(async () => {
  const port = await freePort();
  server = await startNode(SERVER_HOST, port);
  client = await startNode(CLIENT_HOST, port);
  for (const name of NAMES) {
    const program = start(server, name, '--listen', '-n', name);
    servers.push(program);
    await until(async () => {
      const names = (await server.irmJson('name', 'list')) as { name: string; acceptors: number }[];
      return names.some((one) => one.name === name && one.acceptors > 0);
    }, `${name} accepts`);
    await server.irm('name', 'register', name, '--layer', LAYER);
  }
});

afterAll(async () => {
  await Promise.all(servers.map((program) => program.stop()));
  await client?.stop();
  await server?.stop();
});

async function startNode(host: string, port: number): Promise<PrivateDaemon> {
  const daemon = await startPrivateDaemon();
  const known = NAMES.flatMap((name) => ['--set', `names.${name}="${SERVER_HOST}"`]);
  const where = ['--set', `host="${host}"`, '--set', `port=${port}`, ...(host === CLIENT_HOST ? known : [])];
  await daemon.irm('ipcp', 'bootstrap', 'o7s0', '--type', 'o7s-udp', '--layer', LAYER, ...where);
  return daemon;
}

function start(node: PrivateDaemon, name: string, ...args: string[]): StartedProgram {
  return new StartedProgram(`examples/dist/${name}.js`, args, node.env);
}

const run = (name: string, ...args: string[]): Promise<string> =>
  start(client, name, '-n', name, '--layer', LAYER, ...args).succeeds();

describe('between two nodes of an o7s-udp layer', () => {
  test.each([[[]], [['--reliable']]])('oecho gets its message back with %p', async (flags) => {
    expect(await run('oecho', ...flags)).toContain('Server replied with Client says hi!');
  });

  test.each(['raw', 'best', 'data'])('oping loses nothing on a flow of QoS %s', async (qos) => {
    const said = await run('oping', '-c', '20', '-i', '5ms', '-q', qos, '-s', '1400');
    expect(said).toContain('20 packets transmitted, 20 received');
  });

  test('a name nobody knows is unknown', async () => {
    const program = start(client, 'oping', '-n', 'no-such-name', '--layer', LAYER, '-c', '1');
    await expect(program.succeeds()).rejects.toThrow('FLOWRING_NAME_UNKNOWN');
  });
});
