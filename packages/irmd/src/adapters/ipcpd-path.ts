import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The IPCP program: `FLOWRING_IPCPD`, else that of the installed @flowring/ipcpd; `null` when there is none. */
export function ipcpdPath(env: Readonly<Record<string, string | undefined>> = process.env): string | null {
  const own = env['FLOWRING_IPCPD'];
  if (own) return own;
  for (let at = dirname(fileURLToPath(import.meta.url)); ; at = dirname(at)) {
    const path = join(at, 'node_modules/@flowring/ipcpd/dist/bin/ipcpd.js');
    if (existsSync(path)) return path;
    if (at === dirname(at)) return null;
  }
}
