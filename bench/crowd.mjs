// What many open, idle links cost: memory over all processes, and the speed of one busy link among them.
import fs from 'node:fs';
import { median } from './statistics.mjs';
import { startSubject } from './subject.mjs';

const BUSY_BYTES = 1_400;

/** Rows of `{ links, bytesPerLink, busyPerSecond }` for each count; `daemonPid` counts into the memory. */
export async function crowd({ description, env, counts, daemonPid, busyMs, repeats }) {
  const subject = await startSubject(description, env);
  const pids = daemonPid === undefined ? subject.pids : [...subject.pids, daemonPid];
  const rows = [];
  try {
    // What the first links compile and allocate once is not the cost of a link.
    await subject.call('open', { total: 200 });
    await subject.call('closeAll');
    await subject.call('oneWay', { sizeBytes: BUSY_BYTES, ms: busyMs });
    const emptyBytes = await settledPssBytes(subject, pids);
    for (const links of counts) {
      await subject.call('open', { total: links - 1 });
      const bytes = (await settledPssBytes(subject, pids)) - emptyBytes;
      const busy = [];
      for (let i = 0; i < repeats; i++) {
        busy.push((await subject.call('oneWay', { sizeBytes: BUSY_BYTES, ms: busyMs })).perSecond);
      }
      rows.push({ links, bytesPerLink: links > 1 ? bytes / (links - 1) : null, busyPerSecond: median(busy) });
    }
    await subject.call('closeAll');
  } finally {
    await subject.stop();
  }
  return rows;
}

async function settledPssBytes(subject, pids) {
  for (let i = 0; i < 3; i++) {
    await subject.call('gc');
    for (const pid of pids.slice(1)) process.kill(pid, 'SIGUSR2');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return pids.reduce((sum, pid) => sum + pssBytes(pid), 0);
}

/** Proportional set size: shared pages count once over all processes. */
function pssBytes(pid) {
  return Number(/^Pss:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]) * 1_024;
}
