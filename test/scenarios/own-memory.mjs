import fs from 'node:fs';

/**
 * Bytes of memory that a process made: what is private to it, and its share of what it shares with others. Without files
 * it maps, the program itself among them: the kernel takes such pages away and brings them back as it likes.
 */
export function ownMemoryBytes(pid) {
  const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kilobytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)[1]);
  return (kilobytes('Pss_Anon') + kilobytes('Pss_Shmem') + kilobytes('SwapPss')) * 1_024;
}
