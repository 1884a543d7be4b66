import type { UdpAddress } from '@flowring/datagram';
import type { PeerAddress } from '../../core/fa-flow.ts';

/** Another IPCP of the layer: its name to the allocator, and where its packets come from and go to. */
export interface UdpNeighbour {
  readonly name: PeerAddress;
  address: UdpAddress;
  /** Largest packet the path to it carries, bytes. */
  mtuBytes: number;
  /** Number of the last control packet to it. */
  number: number;
}
