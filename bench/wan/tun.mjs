// Interfaces of the kernel whose packets a process reads and writes (TUN), on Linux of 64 bits, through koffi.
import { createRequire } from 'node:module';

const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const TUNSETIFF = 0x4004_54ca;
/** IP packets, and nothing before them. */
const IFF_TUN_NO_PI = 0x1001;
const IFREQ_BYTES = 40;
const IFREQ_FLAGS = 16;
const POLLFD_BYTES = 8;
const POLLIN = 1;
const PACKET_BYTES = 65_536;

const libc = createRequire(import.meta.url)('koffi').load(null);
const open = libc.func('open', 'int', ['const char *', 'int']);
const ioctl = libc.func('ioctl', 'int', ['int', 'unsigned long', 'void *']);
const read = libc.func('read', 'int64_t', ['int', 'void *', 'size_t']);
const write = libc.func('write', 'int64_t', ['int', 'void *', 'size_t']);
const ppoll = libc.func('ppoll', 'int', ['void *', 'uint64_t', 'void *', 'uintptr_t']);

const room = Buffer.alloc(PACKET_BYTES);

/** An interface of the namespace this process is in. Moved to another one it still is ours. */
export class Tun {
  fd;

  constructor(name) {
    this.fd = open('/dev/net/tun', O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (this.fd < 0) throw new Error('/dev/net/tun cannot be opened');
    const request = Buffer.alloc(IFREQ_BYTES);
    request.write(name, 'latin1');
    request.writeUInt16LE(IFF_TUN_NO_PI, IFREQ_FLAGS);
    if (ioctl(this.fd, TUNSETIFF, request) < 0) throw new Error(`TUNSETIFF ${name} was refused`);
  }

  /** The next packet the kernel sends; `null`: none waits. */
  read() {
    const bytes = read(this.fd, room, PACKET_BYTES);
    return bytes > 0 ? Buffer.from(room.subarray(0, bytes)) : null;
  }

  /** The kernel receives it; false: it would not. */
  write(packet) {
    return write(this.fd, packet, packet.length) === packet.length;
  }
}

/** Waits until one of them has a packet, to within some tens of us: Node's own timers are whole milliseconds. */
export class TunWait {
  #fds;
  #count;
  #timeout = Buffer.alloc(16);

  constructor(tuns) {
    this.#count = tuns.length;
    this.#fds = Buffer.alloc(POLLFD_BYTES * tuns.length);
    tuns.forEach(({ fd }, n) => {
      this.#fds.writeInt32LE(fd, POLLFD_BYTES * n);
      this.#fds.writeInt16LE(POLLIN, POLLFD_BYTES * n + 4);
    });
  }

  /** At most `us`, less than a second. */
  wait(us) {
    this.#timeout.writeUInt32LE(Math.round(us * 1_000), 8);
    ppoll(this.#fds, this.#count, this.#timeout, 0);
  }
}
