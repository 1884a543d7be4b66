import { FlowringError } from '@flowring/common';
import type { Layer } from './layer.ts';
import { LocalLayer } from './local.ts';
import { O7sUdpLayer } from './o7s-udp/o7s-udp-layer.ts';
import { UdpLayer } from './udp/udp-layer.ts';

/** A layer of an IPCP type. Throws `FLOWRING_IPCP_TYPE` for a type this version does not have. */
export function createLayer(type: string): Layer {
  if (type === 'local') return new LocalLayer();
  if (type === 'udp') return new UdpLayer();
  if (type === 'o7s-udp') return new O7sUdpLayer();
  throw new FlowringError('FLOWRING_IPCP_TYPE', { details: { type } });
}
