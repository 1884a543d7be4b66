import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createChannelFiles, removeChannelFiles } from '@flowring/channel';
import type { ChannelKind } from '@flowring/common';

/**
 * The folder of a daemon's channel files: in /dev/shm, so that rings never touch a disk, else in the runtime
 * directory. Its name follows from the runtime directory, so a daemon finds and clears what a killed one left.
 */
export class ChannelFolder {
  readonly path: string;

  /** Call it holding the daemon's lock. */
  constructor(runtimeDirectory: string) {
    const uid = process.getuid?.() ?? 0;
    const key = createHash('sha256').update(runtimeDirectory).digest('hex').slice(0, 12);
    const shared = `/dev/shm/flowring-${uid}-${key}`;
    this.path = claimFolder(shared, uid) ? shared : join(runtimeDirectory, 'channels');
    if (this.path !== shared && !claimFolder(this.path, uid)) mkdirSync(this.path, { mode: 0o700 });
    for (const left of readdirSync(this.path))
      rmSync(join(this.path, left), { recursive: true, force: true });
  }

  /** Makes a channel's files; returns the secret for both ends. Throws when it cannot. */
  make(path: string, kind: ChannelKind, ringBytes: number, uid: number, gid: number): string {
    createChannelFiles(path, kind, ringBytes, process.getuid?.() === 0 ? { uid, gid } : {});
    return randomBytes(16).toString('hex');
  }

  unlink(path: string, kind: ChannelKind): void {
    removeChannelFiles(path, kind);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Makes the folder, or takes one that is there if it is really ours. */
function claimFolder(path: string, uid: number): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch {
    try {
      const stat = lstatSync(path);
      if (!stat.isDirectory() || stat.uid !== uid) return false;
    } catch {
      return false;
    }
  }
  // Users of a root daemon must reach their own files in it, by names they are told.
  chmodSync(path, uid === 0 ? 0o711 : 0o700);
  return true;
}
