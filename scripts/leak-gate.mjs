// Finds what a test run left behind: processes, files in its temporary directory, shared memory.
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
  const sharedBefore = new Set(sharedMemory());
  const leaks = () => [
    ...markedProcesses(run).map(({ pid, command }) => `process ${pid} still runs: ${command}`),
    ...list(dir)
      .filter((name) => !NOT_OURS.test(name))
      .map((name) => `temporary file or directory left: ${name}`),
    ...sharedMemory()
      .filter((name) => !sharedBefore.has(name))
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
      fs.rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
      return found;
    },
  };
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
