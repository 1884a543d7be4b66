import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { prepareRuntimeDir, runtimeDir, socketPaths } from '../src/index.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'frc-'));
});
afterEach(() => rmSync(base, { recursive: true }));

const refused = (dir: string): unknown => {
  try {
    prepareRuntimeDir(dir);
    return 'accepted';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('runtimeDir', () => {
  test('FLOWRING_DIR goes before XDG_RUNTIME_DIR, and both before /tmp', () => {
    expect(runtimeDir({ FLOWRING_DIR: '/a', XDG_RUNTIME_DIR: '/b' })).toBe('/a');
    expect(runtimeDir({ XDG_RUNTIME_DIR: '/b' })).toBe('/b/flowring');
    expect(runtimeDir({})).toBe(`/tmp/flowring-${process.getuid!()}`);
  });
});

describe('prepareRuntimeDir', () => {
  test('a missing directory is made with mode 0700', () => {
    prepareRuntimeDir(join(base, 'new'));
    expect(statSync(join(base, 'new')).mode & 0o777).toBe(0o700);
  });

  test('a directory of our own is accepted as it is', () => {
    prepareRuntimeDir(base);
    expect(prepareRuntimeDir(base).guard).toBe(join(base, 'guard.sock'));
  });

  test('a directory that others may enter is refused', () => {
    const dir = join(base, 'open');
    mkdirSync(dir);
    chmodSync(dir, 0o755);
    expect(refused(dir)).toBe('FLOWRING_RUNTIME_DIR');
    expect(() => prepareRuntimeDir(dir)).toThrow(/chmod 700/);
  });

  test('a symbolic link is refused, also to a directory of ours', () => {
    symlinkSync(base, join(base, 'link'));
    expect(refused(join(base, 'link'))).toBe('FLOWRING_RUNTIME_DIR');
  });

  test('a file in its place is refused', () => {
    writeFileSync(join(base, 'file'), '');
    expect(refused(join(base, 'file'))).toBe('FLOWRING_RUNTIME_DIR');
  });

  test('a directory whose parent is missing is refused', () => {
    expect(refused(join(base, 'a', 'b'))).toBe('FLOWRING_RUNTIME_DIR');
  });

  test('a path too long for a socket is refused before anything is made', () => {
    const dir = join(base, 'x'.repeat(100));
    expect(refused(dir)).toBe('FLOWRING_RUNTIME_DIR');
    expect(() => statSync(dir)).toThrow();
  });

  test('every socket of the longest accepted directory can be bound', () => {
    const dir = join('/', 'x'.repeat(107 - '/.0123456789ab.claim'.length - 1));
    expect(Buffer.byteLength(socketPaths(dir).guard)).toBeLessThanOrEqual(107);
    expect(() => socketPaths(`${dir}x`)).toThrow(/107/);
  });
});
