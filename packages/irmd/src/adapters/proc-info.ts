import { readFileSync, statSync } from 'node:fs';
import type { PidIdentity } from '../core/inputs.ts';

/**
 * Who has this pid now, from /proc: its uid and its start time (field 22 of /proc/PID/stat, proc(5)), which tells
 * two processes of one pid apart. `null` when there is no such process.
 */
export function identityOf(pid: number): PidIdentity | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name is in parentheses and may hold anything; fields count from after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return { pid, uid: statSync(`/proc/${pid}`).uid, startTicks: Number(fields[19]) };
  } catch {
    return null;
  }
}
