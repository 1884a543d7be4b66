// Numbers of Linux on 64 bits, little-endian.

export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

export const SOL_SOCKET = 1;
export const SO_ERROR = 4;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_MEMINFO = 55;
/** Index of the datagrams dropped in what SO_MEMINFO gives. */
export const SK_MEMINFO_DROPS = 8;

export const SOL_IP = 0;
export const IP_MTU_DISCOVER = 10;
export const IP_RECVERR = 11;
export const IP_MTU = 14;
/** Do not fragment, and do not heed the path MTUs the kernel remembers. Of IPv6 the same number. */
export const PMTUDISC_PROBE = 3;

export const SOL_IPV6 = 41;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_MTU = 24;
export const IPV6_RECVERR = 25;
export const IPV6_V6ONLY = 26;

export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;

export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_ERRQUEUE = 0x2000;

export const UV_READABLE = 1;
export const UV_WRITABLE = 2;

/** Headers of IP without options and of UDP, bytes. */
export const HEADER_BYTES = { 4: 28, 6: 48 } as const;

/** `struct mmsghdr`: a `msghdr` and the length received. */
export const MMSGHDR_BYTES = 64;
/** Offsets in it, in 32-bit words. */
export const MMSGHDR_WORD = {
  name: 0,
  nameBytes: 2,
  iov: 4,
  iovCount: 6,
  control: 8,
  controlBytes: 10,
  flags: 12,
  length: 14,
} as const;
export const IOVEC_BYTES = 16;
/** Room for a `sockaddr_in6`, rounded up. */
export const NAME_BYTES = 32;
export const SOCKADDR_BYTES = { 4: 16, 6: 28 } as const;
