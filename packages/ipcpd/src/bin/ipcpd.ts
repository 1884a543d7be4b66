#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { isFlowringError } from '@flowring/common';
import { startIpcpd } from '../daemon.ts';

const USAGE =
  'usage: ipcpd --type TYPE --name NAME   (started by irmd; reads FLOWRING_DIR and FLOWRING_TOKEN)';

async function main(): Promise<number> {
  const { type, name } = readArguments();
  if (type === undefined || name === undefined) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const { FLOWRING_DIR: dir, FLOWRING_TOKEN: token } = process.env;
  const ipcpd = await startIpcpd({ type, name, token, ...(dir === undefined ? {} : { dir }) });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void ipcpd.stop());
  await ipcpd.done;
  return 0;
}

function readArguments(): { type?: string | undefined; name?: string | undefined } {
  try {
    return parseArgs({ options: { type: { type: 'string' }, name: { type: 'string' } } }).values;
  } catch {
    return {};
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const text = isFlowringError(error) ? `${error.code}: ${error.message}` : String(error);
    process.stderr.write(`ipcpd: ${text}\n`);
    process.exit(1);
  },
);
