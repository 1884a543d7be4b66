import type { PeerAddress } from '../../core/fa-flow.ts';

/** What a directory needs of its layer. */
export interface DirectoryHost {
  readonly layerName: string;
  /** How the others reach us. */
  readonly self: PeerAddress;
  /** Other IPCPs of the layer that the configuration names. */
  readonly peers: readonly PeerAddress[];
  /** Sends a directory PDU to another IPCP; may lose it. */
  sendPdu(peer: PeerAddress, pdu: Uint8Array): void;
}
