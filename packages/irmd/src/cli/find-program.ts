import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { FlowringError } from '@flowring/common';

/** The absolute path of a program: a path as given, a bare name from PATH. Throws `FLOWRING_INVALID_ARGUMENT`. */
export function findProgram(given: string, path: string = process.env['PATH'] ?? ''): string {
  const places = given.includes('/')
    ? [resolve(given)]
    : path.split(delimiter).map((dir) => join(dir, given));
  for (const place of places) {
    if (!isFile(place)) continue;
    if (!isRunnable(place)) throw invalid(`${place} cannot be executed; see its permissions`, given);
    return realpathSync(place);
  }
  throw invalid(given.includes('/') ? `${given} does not exist` : `${given} is not in PATH`, given);
}

/** Scripts of Node run without an executable bit: the daemon starts them with node. */
function isRunnable(path: string): boolean {
  if (/\.[cm]?js$/.test(path)) return true;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function invalid(message: string, program: string): FlowringError {
  return new FlowringError('FLOWRING_INVALID_ARGUMENT', { message, details: { program } });
}

/** As {@link findProgram}; a program that is gone may still be bound, so what is not found is taken as a path. */
export function pathOfBound(given: string): string {
  try {
    return findProgram(given);
  } catch {
    return given.includes('/') ? resolve(given) : given;
  }
}
