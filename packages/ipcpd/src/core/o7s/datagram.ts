/** UDP port of every node of an O7s layer; a flow request goes to the port its sender is bound to. */
export const O7S_PORT = 3435;
/** The endpoint id in front of every packet, bytes. */
export const EID_BYTES = 4;
/** Endpoint id of management frames; never a flow's. */
export const MANAGEMENT_EID = 0;
/** Largest UDP payload that a C receiver takes whole, bytes (its buffer; a longer one is cut without a word). */
export const DATAGRAM_MAX_BYTES = { udp4: 8_980, udp6: 8_952 } as const;
/** The same without the endpoint id: what a flow over the layer may send at once, bytes. */
export const PACKET_MAX_BYTES = {
  udp4: DATAGRAM_MAX_BYTES.udp4 - EID_BYTES,
  udp6: DATAGRAM_MAX_BYTES.udp6 - EID_BYTES,
} as const;
/** Shortest packet of an FRCP flow that is not a keepalive: its header, bytes. */
const FRCP_HEADER_BYTES = 12;

export type O7sFamily = keyof typeof DATAGRAM_MAX_BYTES;

/** What a datagram is, by its length and endpoint id alone. */
export type DatagramKind = 'runt' | 'management' | 'keepalive' | 'data';

//= R-OUDP-01
export function kindOfDatagram(buf: Uint8Array, start: number, end: number): DatagramKind {
  const length = end - start;
  if (length < EID_BYTES) return 'runt';
  if (readEid(buf, start) === MANAGEMENT_EID) return 'management';
  return length === EID_BYTES ? 'keepalive' : 'data';
}

/** The endpoint id at `at`, unsigned. */
export function readEid(buf: Uint8Array, at: number): number {
  return ((buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!) >>> 0;
}

/** Writes an endpoint id; returns its size. */
export function writeEid(out: Uint8Array, at: number, eid: number): number {
  out[at] = eid >>> 24;
  out[at + 1] = eid >>> 16;
  out[at + 2] = eid >>> 8;
  out[at + 3] = eid;
  return EID_BYTES;
}

/** A keepalive: the peer's endpoint id and nothing behind it. */
//= R-OUDP-03
export function encodeKeepalive(rEid: number): Uint8Array {
  const out = new Uint8Array(EID_BYTES);
  writeEid(out, 0, rEid);
  return out;
}

/** Whether a packet of this many bytes behind the endpoint id fits the datagrams of the C prototype. */
//= R-OUDP-02
export function fitsDatagram(packetBytes: number, family: O7sFamily): boolean {
  return packetBytes <= PACKET_MAX_BYTES[family];
}

/**
 * Whether a packet of an FRCP flow is one of the stray ones that a C IPCP emits under load. A raw flow cannot
 * tell: there any length but 0 is a message.
 */
//= R-OUDP-04
export function isFrcpRunt(packetBytes: number): boolean {
  return packetBytes > 0 && packetBytes < FRCP_HEADER_BYTES;
}
