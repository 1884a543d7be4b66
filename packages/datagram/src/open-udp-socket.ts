import { FlowringError } from '@flowring/common';
import type { OpenUdpSocketOptions, UdpKind, UdpSocket } from './datagram.ts';
import { loadLibc } from './adapters/libc.ts';
import { openOffloadSocket } from './adapters/offload-socket.ts';
import { openPlainSocket } from './adapters/plain-socket.ts';

/**
 * The kinds this process can open, best first: `offload` where koffi loads (Linux, 64 bits, main thread), `plain`
 * always. `FLOWRING_DATAGRAM=plain` or `=offload` leaves only that one.
 */
export function availableUdpKinds(): UdpKind[] {
  const forced = process.env['FLOWRING_DATAGRAM'];
  if (forced === 'plain' || forced === 'offload') return [forced];
  return loadLibc() === null ? ['plain'] : ['offload', 'plain'];
}

/**
 * Opens and binds a UDP socket. Rejects with `FLOWRING_ADDRESS_IN_USE`, `FLOWRING_ADDRESS_NOT_AVAILABLE`,
 * `FLOWRING_PERMISSION` (a port below 1024), `FLOWRING_INVALID_ARGUMENT`, `FLOWRING_NOT_SUPPORTED` (no IPv6 here,
 * or kind `offload` where it is not available), `FLOWRING_TOO_MANY` or `FLOWRING_NO_MEMORY`.
 */
export async function openUdpSocket(options: OpenUdpSocketOptions): Promise<UdpSocket> {
  const { kind = 'auto' } = options;
  if ((kind === 'auto' ? availableUdpKinds()[0] : kind) === 'plain') return openPlainSocket(options);
  const libc = loadLibc();
  if (libc !== null) return openOffloadSocket(libc, options);
  throw new FlowringError('FLOWRING_NOT_SUPPORTED', {
    message: 'UDP offload needs koffi, which did not load',
  });
}
