// Finds what a test run left behind: processes, files in its temporary directory, shared memory.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const MARK = 'FLOWRING_TEST_RUN';
const SETTLE_MS = 5_000;
/** Caches of node and jest in the temporary directory; nothing of ours. */
const NOT_OURS = /^(jest|haste|node-compile-cache|node-coverage|v8-)/;

/**
 * Opens the gate: `env` marks every process started with it and gives it a private temporary directory.
 * `check()` resolves to a list of sentences, one per leak, after giving late exits a few seconds; then it
 * ends what was left. Processes and shared memory are looked up in /proc and /dev/shm where these exist.
 */
export function openLeakGate() {
  const run = `${process.pid}-${Date.now()}`;
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'flowring-run-'));
  const made = namesEverMadeIn(dir);
  const owned = (name) => name.includes(run) || made.hashes.has(name.split('-').at(-1));
  const leaks = () => [
    ...markedProcesses(run).map(({ pid, command }) => `process ${pid} still runs: ${command}`),
    ...list(dir)
      .filter((name) => !NOT_OURS.test(name))
      .map((name) => `temporary file or directory left: ${name}`),
    ...sharedMemory()
      .filter(owned)
      .map((name) => `shared memory left: ${name}`),
  ];
  return {
    env: { ...process.env, TMPDIR: dir, [MARK]: run },
    async check() {
      const end = performance.now() + SETTLE_MS;
      while (leaks().length > 0 && performance.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      const found = leaks();
      for (const { pid } of markedProcesses(run)) endProcess(pid);
      made.stop();
      fs.rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
      return found;
    },
  };
}

/**
 * A daemon's folder in shared memory is named by a hash of its runtime directory. Tests have these in the private
 * temporary directory; whatever was made there, even if it is gone, tells which folders are of this run.
 */
function namesEverMadeIn(dir) {
  const hashes = new Set();
  const watcher = fs.watch(dir, (_event, name) => {
    const key = createHash('sha256').update(path.join(dir, name ?? ''));
    hashes.add(key.digest('hex').slice(0, 12));
  });
  return { hashes, stop: () => watcher.close() };
}

function sharedMemory() {
  return list('/dev/shm').filter((name) => name.includes('flowring'));
}

function markedProcesses(run) {
  const found = [];
  for (const pid of list('/proc').filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    const environment = read(`/proc/${pid}/environ`);
    if (!environment.split('\0').includes(`${MARK}=${run}`)) continue;
    const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    if (command !== '') found.push({ pid: Number(pid), command });
  }
  return found;
}

function endProcess(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}

function list(dir) {
  try {
    return fs.readdirSync(dir);
  } catch {
    return [];
  }
}

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
