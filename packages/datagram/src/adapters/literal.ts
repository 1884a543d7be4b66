import { isIP, SocketAddress } from 'node:net';
import { FlowringError } from '@flowring/common';

/** The family of an IP literal. Throws `FLOWRING_INVALID_ARGUMENT`. */
export function familyOf(host: string): 4 | 6 {
  const family = isIP(host);
  if (family === 4 || family === 6) return family;
  throw new FlowringError('FLOWRING_INVALID_ARGUMENT', { message: `not an IP address: ${host}` });
}

/** The literal as the kernel's addresses are written, a scope (`%eth0`) kept. Throws as {@link familyOf}. */
export function canonicalHost(host: string, family: 4 | 6): string {
  if (familyOf(host) !== family) {
    const message = `${host} is not of the socket's family, IPv${family}`;
    throw new FlowringError('FLOWRING_INVALID_ARGUMENT', { message });
  }
  if (family === 4) return host;
  const [address, scope] = host.split('%');
  const canonical = new SocketAddress({ address: address!, family: 'ipv6' }).address;
  return scope === undefined ? canonical : `${canonical}%${scope}`;
}

/** A peer's port. Throws `FLOWRING_INVALID_ARGUMENT`. */
export function checkedPort(port: number): number {
  if (Number.isInteger(port) && port > 0 && port <= 65_535) return port;
  throw new FlowringError('FLOWRING_INVALID_ARGUMENT', { message: `not a UDP port: ${port}` });
}
