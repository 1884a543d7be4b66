// What many open, idle links cost: memory by process, and the speed of one busy link among them.
//
// Memory is what the processes made (shared pages count once), after garbage collection. What counts is its growth from
// a tenth of the links to all of them: what a process compiles and allocates once is no part of it, and what earlier
// links have left free does not hide any. Each link was used once. What is held: by the client, one object per link; by
// the server, all flows in one FlowSet, or each socket with its listeners.
// Speed is compared with that of a second pair of processes without idle links, measured in turn with the first, briefly
// and often: a virtual machine is now and then half as fast for seconds, and then so are both of a pair.
import { ownMemoryBytes } from '../test/scenarios/own-memory.mjs';
import { processorUse } from '../test/scenarios/processor-use.mjs';
import { median } from './statistics.mjs';
import { STEADY_HEAP } from './steady-heap.mjs';
import { startSubject } from './subject.mjs';

const BUSY_BYTES = 1_400;
const WARM_UPS = 4;
const WARM_UP_MS = 600;
/** A process that used no processor for so long has settled, however busy the machine. */
const RESTS_MS = 400;

/** A row for each count of links; the last also tells bytes per link. `daemonPid` counts into the memory. */
export async function crowd({ crowded, quiet, env, counts, daemonPid, busyMs, pairs }) {
  const many = await startSubject(crowded, env, STEADY_HEAP);
  const one = await startSubject(quiet, env, STEADY_HEAP);
  const pids = { client: many.pids[0], server: many.pids[1], ...(daemonPid && { irmd: daemonPid }) };
  const last = counts.at(-1);
  const base = Math.ceil(last / 10);
  const rows = [];
  try {
    // Before anything was busy: what was allocated for that may go back to the system at any time.
    const memory = await memoryPerLink(many, pids, base, last, crowded.idleMs ?? 0);
    for (const subject of [many, one])
      await subject.call('oneWay', { sizeBytes: BUSY_BYTES, ms: WARM_UP_MS });
    for (const links of counts) {
      await many.call('open', { total: links - 1 });
      rows.push({ links, ...(links === last && memory), ...(await speeds(many, one, busyMs, pairs)) });
    }
    await many.call('closeAll');
  } finally {
    await many.stop();
    await one.stop();
  }
  return rows;
}

/** Bytes per link of each process and of all; between `few` and `all` links. */
async function memoryPerLink(subject, pids, few, all, idleMs) {
  for (let i = 0; i < WARM_UPS; i++) {
    await subject.call('open', { total: few });
    await subject.call('closeAll');
  }
  await subject.call('open', { total: few });
  const before = await settledBytes(pids, idleMs);
  await subject.call('open', { total: all });
  const after = await settledBytes(pids, idleMs);
  await subject.call('closeAll');
  const bytesByProcess = Object.fromEntries(
    Object.keys(pids).map((role) => [role, (after[role] - before[role]) / (all - few)]),
  );
  return { bytesByProcess, bytesPerLink: Object.values(bytesByProcess).reduce((sum, bytes) => sum + bytes) };
}

/** `idleMs`: how long after its last use a link is idle. */
async function settledBytes(pids, idleMs) {
  await pause(idleMs);
  for (let i = 0; i < 3; i++) {
    for (const pid of Object.values(pids)) process.kill(pid, 'SIGUSR2');
    await pause(RESTS_MS);
    await Promise.all(Object.values(pids).map(atRest));
  }
  return Object.fromEntries(Object.entries(pids).map(([role, pid]) => [role, ownMemoryBytes(pid)]));
}

async function atRest(pid) {
  for (let before = null, now = usedSeconds(pid); now !== before; now = usedSeconds(pid)) {
    before = now;
    await pause(RESTS_MS);
  }
}

/** The process's time on the processor; not a number while it uses one or waits for one. */
function usedSeconds(pid) {
  const { isRunning, seconds } = processorUse(pid);
  return isRunning ? NaN : seconds;
}

/** The busy link with and without idle ones beside it, in turn; slower by the median of the pairs. */
async function speeds(many, one, busyMs, pairs) {
  const measured = [];
  for (let i = 0; i < pairs; i++) {
    const order = i % 2 === 0 ? [one, many] : [many, one];
    const rates = new Map();
    for (const subject of order) {
      rates.set(subject, (await subject.call('oneWay', { sizeBytes: BUSY_BYTES, ms: busyMs })).perSecond);
    }
    measured.push({ quiet: rates.get(one), busy: rates.get(many) });
  }
  return {
    busyPerSecond: median(measured.map(({ busy }) => busy)),
    quietPerSecond: median(measured.map(({ quiet }) => quiet)),
    slowerBy: median(measured.map(({ busy, quiet }) => 1 - busy / quiet)),
  };
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
