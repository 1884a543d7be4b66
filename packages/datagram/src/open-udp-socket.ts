import type { OpenUdpSocketOptions, UdpKind, UdpSocket } from './datagram.ts';
import { openPlainSocket } from './adapters/plain-socket.ts';

/** The kinds this process can open, best first. */
export function availableUdpKinds(): UdpKind[] {
  return ['plain'];
}

/**
 * Opens and binds a UDP socket. Rejects with `FLOWRING_ADDRESS_IN_USE`, `FLOWRING_ADDRESS_NOT_AVAILABLE`,
 * `FLOWRING_PERMISSION` (a port below 1024), `FLOWRING_INVALID_ARGUMENT`, `FLOWRING_NOT_SUPPORTED` (no IPv6 here,
 * or kind `offload` where it is not available), `FLOWRING_TOO_MANY` or `FLOWRING_NO_MEMORY`.
 */
export async function openUdpSocket(options: OpenUdpSocketOptions): Promise<UdpSocket> {
  return openPlainSocket(options);
}
