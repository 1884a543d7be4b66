import { randomBytes } from 'node:crypto';
import { linkSync, readdirSync, renameSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { FlowringError, TIMES } from '@flowring/common';
import { openProbe } from './guard-probe.ts';
import { errorCode } from './runtime-dir.ts';

/*
 * The lock is a contest of live sockets. Each daemon that starts listens on a claim, a socket file with a name
 * drawn for this start alone, and only then reads the directory. Whoever sees a live claim with a smaller name
 * withdraws; whoever sees one with a larger name waits until that one withdraws or wins. Of any two contenders
 * at least the later to list the directory sees the other, so two cannot both win, whatever the timing.
 *
 * A socket file nobody listens on stays dead for ever and its name is never used again, so removing it can
 * never hit a live one: that is what a lock on one well-known path cannot promise. A claim gets its visible
 * name only after listen(), because a socket between bind() and listen() refuses like a dead one.
 */

/** The daemon's lock on its runtime directory. */
export interface Guard {
  /** Puts `guard.sock` in place and hands over connections, also those that came since the claim. */
  serve(onConnection: (socket: Socket) => void): void;
  /** Takes `guard.sock` away and gives the lock up. Connections handed over are the caller's to end. */
  release(): Promise<void>;
}

/**
 * Takes the lock of a runtime directory. Rejects `FLOWRING_ALREADY_RUNNING`, with the daemon's pid in
 * `details.pid` (null when the daemon did not say it in `timeoutMs`), when another daemon holds it.
 */
export async function claimGuard(dir: string, timeoutMs: number = TIMES.helloTimeoutMs): Promise<Guard> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const claim = await openClaim(dir);
    if (claim === null) continue;
    try {
      if (await contest(claim, dir, deadline)) {
        removeLeftovers(dir);
        return claim;
      }
    } catch (error) {
      await claim.release();
      throw error;
    }
  }
}

/** True: we hold the lock. False: we withdrew, and the one we withdrew for is gone. Throws ALREADY_RUNNING. */
async function contest(claim: Claim, dir: string, deadline: number): Promise<boolean> {
  for (const rival of claimsIn(dir)) {
    if (rival === claim.name) continue;
    const path = join(dir, rival);
    const probe = await openProbe(path);
    if (probe === null) {
      rmSync(path, { force: true });
      continue;
    }
    const yields = rival < claim.name;
    if (yields) await claim.release();
    const answer = await probe.answer(Math.max(0, deadline - performance.now()));
    probe.close();
    if (answer !== 'closed') throw alreadyRunning(dir, answer === 'silent' ? null : answer.daemonPid);
    if (yields) return false;
  }
  return true;
}

class Claim implements Guard {
  readonly name: string;
  readonly #dir: string;
  readonly #server: Server;
  readonly #early = new Set<Socket>();
  #onConnection: ((socket: Socket) => void) | null = null;
  #published = false;
  #released = false;

  constructor(dir: string, name: string, server: Server) {
    this.#dir = dir;
    this.name = name;
    this.#server = server;
    server.on('connection', (socket: Socket) => this.#accept(socket));
  }

  serve(onConnection: (socket: Socket) => void): void {
    const link = join(this.#dir, this.name.replace(CLAIM_SUFFIX, '.pub'));
    linkSync(join(this.#dir, this.name), link);
    renameSync(link, join(this.#dir, 'guard.sock'));
    this.#published = true;
    this.#onConnection = onConnection;
    for (const socket of this.#early) {
      socket.removeAllListeners();
      onConnection(socket);
    }
    this.#early.clear();
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    if (this.#published) rmSync(join(this.#dir, 'guard.sock'), { force: true });
    rmSync(join(this.#dir, this.name), { force: true });
    this.#onConnection = null;
    for (const socket of this.#early) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    if (this.#released) {
      socket.destroy();
    } else if (this.#onConnection !== null) {
      this.#onConnection(socket);
    } else {
      this.#early.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#early.delete(socket));
    }
  }
}

/** `null`: a daemon that won meanwhile tidied our half-born claim away; try again. */
async function openClaim(dir: string): Promise<Claim | null> {
  const id = randomBytes(6).toString('hex');
  const born = join(dir, `.${id}.new`);
  const name = `.${id}${CLAIM_SUFFIX}`;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: born, backlog: GUARD_BACKLOG }, () => resolve());
  });
  const claim = new Claim(dir, name, server);
  try {
    renameSync(born, join(dir, name));
  } catch (error) {
    await claim.release();
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
  return claim;
}

function claimsIn(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => CLAIM.test(name))
    .sort();
}

/** What daemons that were killed while they started left; only the holder of the lock does this. */
function removeLeftovers(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (LEFTOVER.test(name)) rmSync(join(dir, name), { force: true });
  }
}

function alreadyRunning(dir: string, pid: number | null): FlowringError {
  return new FlowringError('FLOWRING_ALREADY_RUNNING', {
    message: `an IRM daemon already runs in ${dir}${pid === null ? '' : ` (pid ${pid})`}`,
    details: { dir, pid },
  });
}

const CLAIM_SUFFIX = '.claim';
const CLAIM = /^\.[0-9a-f]{12}\.claim$/;
const LEFTOVER = /^\.[0-9a-f]{12}\.(new|pub)$/;
/** Connections the kernel holds while the daemon is busy; capped by net.core.somaxconn. */
const GUARD_BACKLOG = 4_096;
