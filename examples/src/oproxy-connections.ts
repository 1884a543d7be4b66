import type { Socket } from 'node:net';
import { Connection } from './oproxy-connection.ts';

/** Prints one line about something that happened. */
export type Report = (event: string, fields: Readonly<Record<string, string | number>>) => void;

/** The open connections of a proxy: it bounds and numbers them, tells of their ends, and drains them. */
export class Connections {
  readonly #max: number;
  readonly #report: Report;
  readonly #open = new Set<Connection>();
  #started = 0;
  #onRoom: (() => void) | null = null;
  #onEmpty: (() => void) | null = null;

  constructor(max: number, report: Report) {
    this.#max = max;
    this.#report = report;
  }

  get size(): number {
    return this.#open.size;
  }

  get started(): number {
    return this.#started;
  }

  add(socket: Socket): Connection {
    const connection = new Connection(++this.#started, socket);
    const { id, over } = connection;
    const beganMs = performance.now();
    this.#open.add(connection);
    const told = (): Record<string, number> => ({
      connection: id,
      toFlowBytes: socket.bytesRead,
      fromFlowBytes: socket.bytesWritten,
      elapsedMs: Math.round(performance.now() - beganMs),
    });
    over
      .then(
        () => {
          this.#report('closed', told());
        },
        (error: unknown) => {
          this.#report('failed', { ...told(), ...codeAndMessage(error) });
        },
      )
      .finally(() => {
        this.#open.delete(connection);
        this.#onRoom?.();
        if (this.#open.size === 0) this.#onEmpty?.();
      });
    return connection;
  }

  /** Resolves when one more may be added. One caller at a time. */
  async room(): Promise<void> {
    while (this.#open.size >= this.#max) await new Promise<void>((resolve) => (this.#onRoom = resolve));
  }

  /** Resolves when all are over. */
  async empty(): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
  }

  /** Resets all that are still open and returns how many that were. */
  cut(): number {
    const cut = [...this.#open];
    for (const connection of cut)
      connection.fail(new Error('cut: the proxy was told to stop'), 'FLOWRING_FLOW_DOWN');
    return cut.length;
  }
}

/** What a status line says of an error: of Flowring's own table, or of the system's. */
export function codeAndMessage(error: unknown): { code: string; message: string } {
  const { code = 'error', message = String(error) } = error as { code?: string; message?: string };
  return { code, message };
}
