import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { startPrivateDaemon } from '../../test/scenarios/private-daemon.mjs';
import { until } from '../../test/scenarios/until.mjs';
import { StartedProgram } from '../../test/support/started-program.ts';

const LAYER = 'home';
let daemon: Awaited<ReturnType<typeof startPrivateDaemon>>;
let started: StartedProgram[] = [];

beforeAll(async () => {
  daemon = await startPrivateDaemon({ layer: LAYER });
});

afterEach(async () => {
  await Promise.all(started.map((program) => program.stop()));
  started = [];
});

afterAll(async () => {
  await daemon.stop();
});

function start(name: string, ...args: string[]): StartedProgram {
  const program = new StartedProgram(`examples/dist/${name}.js`, args, daemon.env);
  started.push(program);
  return program;
}

const run = (name: string, ...args: string[]): Promise<string> => start(name, ...args).succeeds();

async function serve(name: string, greeting: string, ...args: string[]): Promise<StartedProgram> {
  const server = start(name, '--listen', ...args);
  await server.says(greeting);
  const served = args.includes('-n') ? args[args.indexOf('-n') + 1] : name;
  await until(async () => {
    const names = (await daemon.irmJson('name', 'list')) as { name: string; acceptors: number }[];
    return names.some((one) => one.name === served && one.acceptors > 0);
  }, `${name} accepts`);
  return server;
}

describe('oecho', () => {
  const STARTED = 'Starting the server.';

  test.each([[[]], [['--reliable']]])('gets its message back with %p', async (flags) => {
    const server = await serve('oecho', STARTED);
    expect(await run('oecho', ...flags)).toBe('Server replied with Client says hi!\n');
    expect(server.output).toContain('Message from client is Client says hi!.');
  });

  test('reaches the server through the layer it names', async () => {
    await serve('oecho', STARTED, '-n', 'oecho-far');
    await daemon.irm('name', 'register', 'oecho-far', '--layer', LAYER);
    const args = ['-n', 'oecho-far', '--layer', LAYER];
    expect(await run('oecho', ...args)).toContain('Server replied');
    expect(await run('oecho', ...args, '--reliable')).toContain('Server replied');
  });

  test('waits for a server that thinks', async () => {
    await serve('oecho', STARTED, '--think', '300');
    expect(await run('oecho', '--reliable')).toContain('Server replied');
  });

  test('serves the next client while it thinks about the first', async () => {
    await serve('oecho', STARTED, '--think', '1000');
    const both = await Promise.all([run('oecho', '-m', 'one'), run('oecho', '-m', 'two')]);
    expect(both.join('')).toBe('Server replied with one\nServer replied with two\n');
  });

  test.each([[[]], [['--reliable']]])('its second read ends with the flow (%p)', async (flags) => {
    await serve('oecho', STARTED, '--hold', '100');
    expect(await run('oecho', '--second-read', ...flags)).toContain('gave the clean end of the flow');
  });

  test.each([[[]], [['--reliable']]])(
    'its second read says that the server was killed (%p)',
    async (flags) => {
      const server = await serve('oecho', STARTED, '--hold', '60000');
      const client = start('oecho', '--second-read', ...flags);
      await client.says('Server replied');
      server.kill('SIGKILL');
      await client.exited;
      expect(client.output).toContain('The second read gave FLOWRING_PEER_GONE.');
    },
  );

  test('prints the code and ends with 1 when nobody knows the name', async () => {
    const client = start('oecho', '-n', 'no-such-name');
    expect(await client.exited).toEqual({ code: 1, signal: null });
    expect(client.output).toMatch(/^FLOWRING_NAME_UNKNOWN: /);
  });
});

describe('oping', () => {
  const STARTED = 'Ouroboros ping server started.';

  test('prints a line for each reply and the statistics', async () => {
    await serve('oping', STARTED, '-n', 'pong');
    const lines = (await run('oping', '-n', 'pong', '-c', '3', '-i', '10ms')).split('\n');
    expect(lines[0]).toBe('Pinging pong with 64 bytes of data (3 packets):');
    expect(lines.slice(2, 5)).toEqual(
      [0, 1, 2].map((seq) => expect.stringMatching(`^64 bytes from pong: seq=${seq} time=[0-9.]+ (ms|µs)$`)),
    );
    expect(lines.slice(6, 9)).toEqual([
      '--- pong ping statistics ---',
      expect.stringMatching(
        /^3 packets transmitted, 3 received, 0 out-of-order, 0% packet loss, time: [\d.]+ ms$/,
      ),
      expect.stringMatching(/^rtt min\/avg\/max\/mdev = ([\d.]+\/){3}[\d.]+ (ms|µs)$/),
    ]);
  });

  test('floods without printing each reply', async () => {
    await serve('oping', STARTED, '-n', 'pong', '-Q');
    const output = await run('oping', '-n', 'pong', '-f', '-c', '500', '-q', 'data');
    expect(output).toContain('500 packets transmitted, 500 received, 0 out-of-order, 0% packet loss');
    expect(output).not.toContain('seq=');
  });

  test('prints the statistics when it is interrupted', async () => {
    await serve('oping', STARTED, '-n', 'pong', '-Q');
    const client = start('oping', '-n', 'pong', '-i', '10ms');
    await client.says('seq=2');
    client.kill('SIGINT');
    expect(await client.succeeds()).toContain('ping statistics');
  });

  test('refuses a time unit it does not know', async () => {
    const client = start('oping', '-n', 'pong', '-i', '5parsecs');
    expect((await client.exited).code).toBe(1);
    expect(client.output).toContain('Unknown time: 5parsecs');
  });
});

describe('operf', () => {
  const STARTED = 'Server started.';
  const rows = (output: string): Record<string, number>[] =>
    output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, number>);

  test.each(['raw', 'data'])('counts every message of one direction, %s', async (qos) => {
    await serve('operf', STARTED);
    const [small, large] = rows(await run('operf', '-s', '64,16384', '-d', '1s', '-q', qos, '--json'));
    expect(small).toMatchObject({ test: 'uni', sizeBytes: 64, lost: 0 });
    expect(large).toMatchObject({ sizeBytes: 16_384, lost: 0 });
    expect(small!['messages']).toBeGreaterThan(0);
  });

  test('sends in both directions at once', async () => {
    await serve('operf', STARTED);
    const [row] = rows(await run('operf', '-t', 'bi', '-d', '200ms', '-q', 'data', '--json'));
    expect(row).toMatchObject({ test: 'bi', lost: 0 });
    expect(row!['receivedBack']).toBeGreaterThan(0);
  });

  test('keeps to the rate it was given', async () => {
    await serve('operf', STARTED);
    const [row] = rows(await run('operf', '-s', '1000', '-r', '800k', '-d', '500ms', '--json'));
    // 800 kbit/s are 100 messages of 1000 bytes a second: 50 in this time, and one to begin with.
    expect(row!['sent']).toBeGreaterThan(0);
    expect(row!['sent']).toBeLessThanOrEqual(51);
  });

  test('orders its percentiles', async () => {
    await serve('operf', STARTED);
    const [row] = rows(await run('operf', '-t', 'latency', '-s', '64', '-d', '200ms', '--json'));
    const { minUs, p50Us, p90Us, p99Us, maxUs } = row!;
    const ordered = [minUs, p50Us, p90Us, p99Us, maxUs] as number[];
    expect(ordered).toEqual([...ordered].sort((a, b) => a - b));
  });

  test('ends with an error when the server is killed', async () => {
    const server = await serve('operf', STARTED);
    const client = start('operf', '-t', 'uni', '-d', '60s');
    await server.says('New flow.');
    server.kill('SIGKILL');
    expect((await client.exited).code).toBe(1);
  });
});
