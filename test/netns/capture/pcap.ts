import { isIPv6 } from 'node:net';

/** A UDP datagram in a capture. Addresses are IPv4. */
export interface CapturedDatagram {
  readonly atUs: number;
  readonly from: { readonly address: string; readonly port: number };
  readonly to: { readonly address: string; readonly port: number };
  readonly datagram: Uint8Array;
}

/** The packet begins with an IP header. */
const LINKTYPE_RAW = 101;
const IP_BYTES = 20;
const UDP_BYTES = 8;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const SNAP_BYTES = 0xffff;

/** A capture in the classic file format (libpcap's savefile, microseconds), for Wireshark and its kin. */
export function pcapOf(datagrams: readonly CapturedDatagram[]): Buffer {
  const header = Buffer.alloc(FILE_HEADER_BYTES);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(SNAP_BYTES, 16);
  header.writeUInt32LE(LINKTYPE_RAW, 20);
  return Buffer.concat([header, ...datagrams.flatMap(record)]);
}

function record(captured: CapturedDatagram): Buffer[] {
  const packet = packetOf(captured);
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  header.writeUInt32LE(Math.floor(captured.atUs / 1_000_000), 0);
  header.writeUInt32LE(captured.atUs % 1_000_000, 4);
  header.writeUInt32LE(packet.length, 8);
  header.writeUInt32LE(packet.length, 12);
  return [header, packet];
}

/** With IPv4's checksum, and without UDP's, which may be left out there. */
function packetOf({ from, to, datagram }: CapturedDatagram): Buffer {
  if (isIPv6(from.address)) throw new Error('only IPv4 is written');
  const packet = Buffer.alloc(IP_BYTES + UDP_BYTES + datagram.length);
  packet[0] = 0x45;
  packet.writeUInt16BE(packet.length, 2);
  packet[8] = 64;
  packet[9] = 17;
  packet.set(from.address.split('.').map(Number), 12);
  packet.set(to.address.split('.').map(Number), 16);
  packet.writeUInt16BE(checksum(packet.subarray(0, IP_BYTES)), 10);
  packet.writeUInt16BE(from.port, IP_BYTES);
  packet.writeUInt16BE(to.port, IP_BYTES + 2);
  packet.writeUInt16BE(UDP_BYTES + datagram.length, IP_BYTES + 4);
  packet.set(datagram, IP_BYTES + UDP_BYTES);
  return packet;
}

function checksum(header: Buffer): number {
  let total = 0;
  for (let at = 0; at < header.length; at += 2) total += header.readUInt16BE(at);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}
