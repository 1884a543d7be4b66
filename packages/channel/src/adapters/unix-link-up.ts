import { createHash, timingSafeEqual } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import type { ChannelSpec } from '@flowring/common';

/** How long side b tries to connect, and each side waits for the other's proof, ms. */
const LINK_UP_MS = 5_000;
const RETRY_MIN_MS = 1;
const RETRY_MAX_MS = 16;
const PROOF_BYTES = 32;
/** Connections that have not proven the token at one time. */
const UNPROVEN_MAX = 8;

/** A connection whose other end knows the token, and the bytes that came after its proof. */
export type OnLinked = (socket: net.Socket, rest: Buffer) => void;

/** An attempt to link up; `stop` gives it up and leaves nothing behind. */
export interface LinkUp {
  stop(): void;
}

/**
 * Joins the two ends of a unix-kind channel: side a listens on `PATH.sock` (mode 0600) until one connection has
 * proven the token, side b connects, again and again for 5 s. Both send a digest of token and side, never the
 * token. `onFailed`: side b gave up, or side a cannot listen.
 */
export function linkUp(spec: ChannelSpec, onLinked: OnLinked, onFailed: () => void): LinkUp {
  const path = `${spec.path}.sock`;
  return spec.side === 'a' ? listen(path, spec, onLinked, onFailed) : connect(path, spec, onLinked, onFailed);
}

function listen(path: string, spec: ChannelSpec, onLinked: OnLinked, onFailed: () => void): LinkUp {
  const unproven = new Set<net.Socket>();
  const stop = (): void => {
    server.close();
    for (const socket of unproven) socket.destroy();
  };
  const server = net.createServer((socket) => {
    if (unproven.size >= UNPROVEN_MAX) return socket.destroy();
    unproven.add(socket);
    socket.on('close', () => unproven.delete(socket));
    readProof(socket, proofOf(spec.token, 'b'), (rest) => {
      unproven.delete(socket);
      socket.write(proofOf(spec.token, 'a'));
      stop();
      onLinked(socket, rest);
    });
    return undefined;
  });
  server.on('error', onFailed);
  server.listen(path);
  server.unref();
  try {
    // Bound already, though `listening` is yet to come.
    fs.chmodSync(path, 0o600);
  } catch {
    // Not bound: `error` follows.
  }
  return { stop };
}

function connect(path: string, spec: ChannelSpec, onLinked: OnLinked, onFailed: () => void): LinkUp {
  const until = performance.now() + LINK_UP_MS;
  let delayMs = RETRY_MIN_MS;
  let timer: NodeJS.Timeout | undefined;
  let socket: net.Socket | undefined;
  let isOver = false;
  const attempt = (): void => {
    const own = (socket = net.connect(path));
    own.unref();
    own.on('connect', () => own.write(proofOf(spec.token, 'b')));
    own.on('close', retry);
    readProof(own, proofOf(spec.token, 'a'), (rest) => {
      isOver = true;
      own.off('close', retry);
      onLinked(own, rest);
    });
  };
  const retry = (): void => {
    if (isOver) return;
    if (performance.now() > until) return onFailed();
    timer = setTimeout(attempt, delayMs).unref();
    delayMs = Math.min(2 * delayMs, RETRY_MAX_MS);
  };
  attempt();
  const stop = (): void => {
    isOver = true;
    clearTimeout(timer);
    socket?.destroy();
  };
  return { stop };
}

/** Reads the other end's proof; anything else, and silence for 5 s, closes the connection. */
function readProof(socket: net.Socket, expected: Buffer, onProven: (rest: Buffer) => void): void {
  let bytes = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), LINK_UP_MS).unref();
  const fail = (): void => {
    clearTimeout(timer);
    socket.destroy();
  };
  const onData = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length < PROOF_BYTES) return;
    if (!timingSafeEqual(bytes.subarray(0, PROOF_BYTES), expected)) return fail();
    clearTimeout(timer);
    socket.off('data', onData).off('error', fail).off('end', fail);
    onProven(bytes.subarray(PROOF_BYTES));
  };
  socket.on('data', onData).on('error', fail).on('end', fail);
  socket.unref();
}

function proofOf(token: string, side: 'a' | 'b'): Buffer {
  return createHash('sha256').update(`flowring-channel/${side}/${token}`).digest();
}
