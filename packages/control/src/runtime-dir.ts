import type { Stats } from 'node:fs';
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FlowringError } from '@flowring/common';

/** Largest path of a unix socket, bytes: `sun_path` of unix(7) without its final NUL. */
export const SOCKET_PATH_MAX_BYTES = 107;

/** The sockets of one runtime directory. */
export interface SocketPaths {
  readonly guard: string;
  readonly ctl: string;
  readonly pub: string;
}

/** `FLOWRING_DIR`, else `$XDG_RUNTIME_DIR/flowring`, else `/tmp/flowring-UID`. Absolute. */
export function runtimeDir(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const own = env['FLOWRING_DIR'];
  if (own) return resolve(own);
  const xdg = env['XDG_RUNTIME_DIR'];
  if (xdg) return resolve(xdg, 'flowring');
  return `/tmp/flowring-${process.getuid?.() ?? 0}`;
}

/** The socket paths of a runtime directory. Throws `FLOWRING_RUNTIME_DIR` when they would be too long to bind. */
export function socketPaths(dir: string): SocketPaths {
  const longest = Buffer.byteLength(join(dir, LONGEST_NAME));
  if (longest > SOCKET_PATH_MAX_BYTES) {
    throw unusable(dir, `its socket paths would take ${longest} bytes of ${SOCKET_PATH_MAX_BYTES}`, {
      pathBytes: longest,
      pathMaxBytes: SOCKET_PATH_MAX_BYTES,
    });
  }
  return { guard: join(dir, 'guard.sock'), ctl: join(dir, 'ctl.sock'), pub: join(dir, 'pub.sock') };
}

/**
 * Makes the directory (mode 0700) or checks the one that is there: a real directory, ours, closed to group and
 * others. Throws `FLOWRING_RUNTIME_DIR`, which names what is wrong and what to do.
 */
export function prepareRuntimeDir(dir: string): SocketPaths {
  const paths = socketPaths(dir);
  try {
    mkdirSync(dir, { mode: 0o700 });
    chmodSync(dir, 0o700);
  } catch (cause) {
    if (errorCode(cause) !== 'EEXIST')
      throw unusable(dir, `it cannot be made (${errorCode(cause)})`, {}, cause);
  }
  const stat = statOf(dir);
  if (!stat.isDirectory()) throw unusable(dir, 'it is not a directory (a symbolic link is not followed)');
  const uid = process.getuid?.();
  if (uid !== undefined && stat.uid !== uid) {
    throw unusable(dir, `it belongs to uid ${stat.uid}, not to ${uid}`, { ownerUid: stat.uid });
  }
  if ((stat.mode & 0o077) !== 0) {
    throw unusable(dir, `group or others may enter it; run: chmod 700 ${dir}`, { mode: stat.mode & 0o777 });
  }
  return paths;
}

/** The longest file name a daemon binds in its directory: a claim being born (guard-lock.ts). */
const LONGEST_NAME = '.0123456789ab.claim';

function statOf(dir: string): Stats {
  try {
    return lstatSync(dir);
  } catch (cause) {
    throw unusable(dir, `it cannot be read (${errorCode(cause)})`, {}, cause);
  }
}

function unusable(
  dir: string,
  why: string,
  details: Readonly<Record<string, string | number>> = {},
  cause?: unknown,
): FlowringError {
  return new FlowringError('FLOWRING_RUNTIME_DIR', {
    message: `the runtime directory ${dir} is unusable: ${why}. Set FLOWRING_DIR to a directory of your own.`,
    details: { dir, ...details },
    cause,
  });
}

/** The `code` of a system error, or ''. */
export function errorCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
