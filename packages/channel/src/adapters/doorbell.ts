import fs from 'node:fs';
import net from 'node:net';

const { O_RDONLY, O_RDWR, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
const ONE = new Uint8Array(1);
/** What rings are read into and never looked at; one for all. */
const SCRATCH = new Uint8Array(4_096);

/**
 * A FIFO for each direction. Ours is open for reading only, so that the kernel hangs it up when the peer, its
 * writer, dies; the peer's is open for both, so that opening does not need the peer to be there and writing
 * never raises a signal.
 */
export class Doorbell {
  readonly #ringFd: number;
  readonly #socket: net.Socket;
  #isOpen = true;

  /** `onBell`: the peer rang. `onHangUp`: the peer closed its end, or died; never before it had opened it. */
  constructor(ownPath: string, peerPath: string, onBell: () => void, onHangUp: () => void) {
    const ownFd = openFifo(ownPath, O_RDONLY);
    try {
      this.#ringFd = openFifo(peerPath, O_RDWR);
    } catch (cause) {
      fs.closeSync(ownFd);
      throw cause;
    }
    const options = {
      fd: ownFd,
      readable: true,
      writable: false,
      onread: { buffer: SCRATCH, callback: () => (onBell(), true) },
    };
    this.#socket = new net.Socket(options);
    this.#socket.on('end', onHangUp);
    this.#socket.on('error', onHangUp);
    this.#socket.unref();
  }

  /** Wakes the peer. A full FIFO holds a bell already. */
  ring(): void {
    if (!this.#isOpen) return;
    try {
      fs.writeSync(this.#ringFd, ONE, 0, 1);
    } catch {
      // EAGAIN: bells are pending. Nothing else can be done about others; the hang-up tells.
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#socket.destroy();
    fs.closeSync(this.#ringFd);
  }
}

function openFifo(path: string, mode: number): number {
  const fd = fs.openSync(path, mode | O_NONBLOCK | O_NOFOLLOW);
  if (fs.fstatSync(fd).isFIFO()) return fd;
  fs.closeSync(fd);
  throw new Error(`${path} is not a FIFO`);
}
