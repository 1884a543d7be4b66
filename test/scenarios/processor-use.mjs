import fs from 'node:fs';

/** Clock ticks of /proc, per second: fixed by Linux for programs (USER_HZ). */
const TICKS_PER_S = 100;

/** Whether a process runs or waits for a processor, and its user and system time so far. */
export function processorUse(pid) {
  const [state, ...fields] = fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  return { isRunning: state === 'R', seconds: (Number(fields[10]) + Number(fields[11])) / TICKS_PER_S };
}
