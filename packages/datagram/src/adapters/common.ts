import os from 'node:os';
import type { ErrorCode } from '@flowring/common';
import { FlowringError } from '@flowring/common';
import type { UdpAddress, UdpCounters, UdpError } from '../datagram.ts';

/** Asked of the kernel for each direction when the options name nothing. */
export const BUFFER_BYTES = 4 * 1_024 * 1_024;

const { errno: ERRNO } = os.constants;
const CODE_OF_ERRNO: ReadonlyMap<number, string> = new Map(
  Object.entries(ERRNO).map(([code, errno]) => [errno, code]),
);

export function codeOfErrno(errno: number): string {
  return CODE_OF_ERRNO.get(errno) ?? `E${errno}`;
}

export function newCounters(): UdpCounters {
  return {
    received: 0,
    receivedMessages: 0,
    truncated: 0,
    dropped: 0,
    sent: 0,
    sendCalls: 0,
    blocked: 0,
    refused: 0,
  };
}

/** An error of Node as one of ours. */
export function udpError(
  error: Error & { code?: string; errno?: number },
  peer: UdpAddress | null,
): UdpError {
  const errno = Math.abs(error.errno ?? 0);
  return { code: error.code ?? codeOfErrno(errno), errno, peer, payloadMaxBytes: 0 };
}

const BIND_CODES: Readonly<Record<string, ErrorCode>> = {
  EADDRINUSE: 'FLOWRING_ADDRESS_IN_USE',
  EADDRNOTAVAIL: 'FLOWRING_ADDRESS_NOT_AVAILABLE',
  EACCES: 'FLOWRING_PERMISSION',
  EMFILE: 'FLOWRING_TOO_MANY',
  ENFILE: 'FLOWRING_TOO_MANY',
  ENOMEM: 'FLOWRING_NO_MEMORY',
  ENOBUFS: 'FLOWRING_NO_MEMORY',
  EAFNOSUPPORT: 'FLOWRING_NOT_SUPPORTED',
  EINVAL: 'FLOWRING_INVALID_ARGUMENT',
};

/** Why a socket did not open; `FLOWRING_ADDRESS_NOT_AVAILABLE` when it is none of the usual reasons. */
export function bindFailure(cause: Error & { code?: string }, host: string, port: number): FlowringError {
  const reason = cause.code ?? cause.message;
  return new FlowringError(BIND_CODES[reason] ?? 'FLOWRING_ADDRESS_NOT_AVAILABLE', {
    message: `cannot bind UDP ${host} port ${port}: ${reason}`,
    details: { host, port, reason },
    cause,
  });
}
