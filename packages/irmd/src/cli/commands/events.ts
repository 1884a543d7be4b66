import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { ControlEvent } from '@flowring/control';
import { subscribeEvents } from '@flowring/control';
import type { Session, Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';

export function events(terminal: Terminal): Command {
  return leaf('events', 'show what happens, until interrupted', terminal, async (session, command) => {
    const { count = Infinity } = command.opts<{ count?: number }>();
    await session.request({ t: 'status' });
    await follow(session, count, terminal);
  })
    .option('--follow', 'go on until interrupted (the default)')
    .option('--count <n>', 'end after so many events', parseCount);
}

async function follow(session: Session, count: number, terminal: Terminal): Promise<void> {
  const ending = new AbortController();
  let left = count;
  const stop = (): void => ending.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const ended = new Promise<void>((resolve) => ending.signal.addEventListener('abort', () => resolve()));
  await subscribeEvents({
    dir: session.dir,
    signal: ending.signal,
    onEvent: (event) => {
      if (left <= 0) return;
      left -= 1;
      session.line(session.json ? JSON.stringify(event) : inWords(event));
      if (left === 0) stop();
    },
    onMissed: (missed) => terminal.err(`irm: ${missed} events were missed\n`),
  });
  terminal.err('irm: listening\n');
  await ended;
  process.off('SIGINT', stop);
  process.off('SIGTERM', stop);
}

function inWords(event: ControlEvent): string {
  const { seq, atMs, type, ...fields } = event;
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${String(value)}`);
  return [new Date(atMs).toISOString(), `#${seq}`, type, ...rest].join(' ');
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('not a number of events');
  return count;
}
