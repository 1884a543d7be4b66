import type { Flow } from '@flowring/libdev';
import { flowAccept, isFlowringError } from '@flowring/libdev';
import { say } from './console.ts';
import { replyTo } from './ping-message.ts';

const IDLE_MAX_MS = 10_000;

/** Answers pings on every flow, for ever. */
export async function servePings(options: {
  readonly serverName: string;
  readonly quiet?: true;
  readonly timeofday?: true;
}): Promise<void> {
  const print = options.quiet === true ? () => undefined : say(options.timeofday === true);
  console.log('Ouroboros ping server started.');
  for await (const flow of flowAccept({ name: options.serverName })) {
    print(`New flow ${flow.id}.`);
    answerPings(flow, print).catch((error: unknown) => {
      const why = isFlowringError(error, 'FLOWRING_TIMEOUT') ? 'timed out' : `was lost: ${String(error)}`;
      print(`Flow ${flow.id} ${why}.`);
    });
  }
}

async function answerPings(flow: Flow, print: (line: string) => void): Promise<void> {
  await using open = flow;
  for (;;) {
    const message = await open.read({ timeoutMs: IDLE_MAX_MS });
    if (message === null) return;
    print(`Received ${message.length} bytes on flow ${flow.id}.`);
    const reply = replyTo(message);
    if (reply !== null) await open.write(reply);
  }
}
