import fs from 'node:fs';
import type { ChannelKind } from '@flowring/common';
import { FlowringError } from '@flowring/common';
import { loadLibc } from './libc.ts';
import { isRingSize, ringFileBytes, ringFileHead } from './ring-file.ts';

export interface ChannelFileOwner {
  readonly uid?: number;
  readonly gid?: number;
}

const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;

/**
 * Creates the files of a channel, mode 0600, owned by `owner` where given: for `shm` the ring file and a FIFO for
 * each side, for `unix` none (its listening side makes the socket). Nothing is left behind on failure.
 * Throws `FLOWRING_CHANNEL`: a file exists, the folder is missing, no room, no koffi.
 */
export function createChannelFiles(
  pathPrefix: string,
  kind: ChannelKind,
  ringBytes: number,
  owner: ChannelFileOwner = {},
): void {
  if (kind === 'unix') return;
  const made: string[] = [];
  try {
    createRingFile(`${pathPrefix}.ring`, ringBytes, owner, made);
    for (const side of ['a', 'b']) createFifo(`${pathPrefix}.${side}`, owner, made);
  } catch (cause) {
    for (const path of made) unlinkIfThere(path);
    throw new FlowringError('FLOWRING_CHANNEL', {
      message: `cannot create the channel's files at ${pathPrefix}: ${(cause as Error).message}`,
      cause,
    });
  }
}

/** Removes what {@link createChannelFiles} or a listening side made. Missing files are fine. */
export function removeChannelFiles(pathPrefix: string, kind: ChannelKind): void {
  const names = kind === 'shm' ? ['.ring', '.a', '.b'] : ['.sock'];
  for (const name of names) unlinkIfThere(pathPrefix + name);
}

function createRingFile(path: string, ringBytes: number, owner: ChannelFileOwner, made: string[]): void {
  if (!isRingSize(ringBytes)) throw new RangeError(`a ring has a power of two of bytes, not ${ringBytes}`);
  const fd = fs.openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  made.push(path);
  try {
    fs.ftruncateSync(fd, ringFileBytes(ringBytes));
    fs.writeSync(fd, ringFileHead(ringBytes), 0, undefined, 0);
    if (isOther(owner)) fs.fchownSync(fd, owner.uid ?? -1, owner.gid ?? -1);
  } finally {
    fs.closeSync(fd);
  }
}

function createFifo(path: string, owner: ChannelFileOwner, made: string[]): void {
  const libc = loadLibc();
  if (libc === null) throw new Error('koffi is not available');
  // mkfifo never follows a link and never takes what exists.
  if (libc.mkfifo(path, 0o600) !== 0) throw new Error(`mkfifo ${path}: errno ${libc.errno()}`);
  made.push(path);
  if (isOther(owner)) fs.lchownSync(path, owner.uid ?? -1, owner.gid ?? -1);
}

function isOther(owner: ChannelFileOwner): boolean {
  const { uid, gid } = owner;
  return (
    (uid !== undefined && uid !== process.getuid?.()) || (gid !== undefined && gid !== process.getgid?.())
  );
}

function unlinkIfThere(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
  }
}
