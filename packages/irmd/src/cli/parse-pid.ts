import { FlowringError } from '@flowring/common';

/** A process id as typed. Throws `FLOWRING_INVALID_ARGUMENT`. */
export function parsePid(text: string): number {
  const pid = Number(text);
  if (/^\d+$/.test(text) && pid > 0 && pid <= 0xffff_ffff) return pid;
  throw new FlowringError('FLOWRING_INVALID_ARGUMENT', { message: `${text} is not a process id` });
}
