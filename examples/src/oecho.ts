#!/usr/bin/env node
// One message there and back. The server answers each flow once, then deallocates it.
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { Flow } from '@flowring/libdev';
import { flowAccept, flowAlloc } from '@flowring/libdev';
import { failWith, milliseconds, say } from './console.ts';

interface Options {
  readonly listen?: true;
  readonly name: string;
  readonly message: string;
  readonly reliable?: true;
  readonly layer?: string;
  readonly secondRead?: true;
  readonly think: number;
  readonly hold: number;
  readonly timeofday?: true;
  readonly times?: true;
}

const options = new Command('oecho')
  .description('Sends one message to an echo server and prints its reply.')
  .option('-l, --listen', 'be the server')
  .option('-n, --name <name>', 'name of the server', 'oecho')
  .option('-m, --message <text>', 'what the client says', 'Client says hi!')
  .option('-r, --reliable', 'client: use a reliable flow instead of a raw one')
  .option('--layer <layer>', 'client: allocate through this layer')
  .option('--second-read', 'client: read once more after the reply; the server sends nothing more')
  .option('--think <ms>', 'server: wait so long before the reply', milliseconds, 0)
  .option('--hold <ms>', 'server: keep the flow so long after the reply', milliseconds, 0)
  .option('-D, --timeofday', 'print the time in front of each line')
  .option('-t, --times', 'client: print how long allocation and reply took')
  .parse()
  .opts<Options>();

const print = say(options.timeofday === true);
try {
  await (options.listen === true ? serve() : callServer());
} catch (error) {
  failWith(error);
}

async function serve(): Promise<void> {
  print('Starting the server.');
  for await (const flow of flowAccept({ name: options.name })) {
    print('New flow.');
    // No `await`: the next client does not wait for this one.
    answer(flow).catch((error: unknown) => print(`A client was lost: ${String(error)}`));
  }
}

async function answer(flow: Flow): Promise<void> {
  await using open = flow;
  const message = await open.read();
  if (message === null) return;
  print(`Message from client is ${message.toString()}.`);
  await sleep(options.think);
  await open.write(message);
  await sleep(options.hold);
  print('Deallocating.');
}

async function callServer(): Promise<void> {
  const qos = options.reliable === true ? 'data' : 'raw';
  const beganMs = performance.now();
  await using flow = await flowAlloc(options.name, { qos, layer: options.layer });
  const allocatedMs = performance.now();
  await flow.write(Buffer.from(options.message));
  const reply = await flow.read();
  const repliedMs = performance.now();
  print(reply === null ? 'The server hung up.' : `Server replied with ${reply.toString()}`);
  if (options.times === true) {
    const [allocation, roundTrip] = [allocatedMs - beganMs, repliedMs - allocatedMs];
    print(
      `Connecting and allocating took ${allocation.toFixed(2)} ms, the reply ${roundTrip.toFixed(2)} ms.`,
    );
  }
  if (options.secondRead === true) print(`The second read gave ${await howReadEnds(flow)}.`);
}

async function howReadEnds(flow: Flow): Promise<string> {
  try {
    const message = await flow.read();
    return message === null ? 'the clean end of the flow' : message.toString();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
