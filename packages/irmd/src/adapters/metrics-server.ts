import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { FlowringError } from '@flowring/common';

/** Where the counters are served. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/** Connections at once; further ones are closed. */
const CONNECTIONS_MAX = 16;
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** `GET /metrics` over HTTP, for Prometheus. Requests that come together share one look at the counters. */
export class MetricsServer {
  readonly #server: Server;
  readonly #render: () => Promise<string>;
  #rendering: Promise<string> | null = null;

  private constructor(render: () => Promise<string>) {
    this.#render = render;
    this.#server = createServer((request, response) => {
      if (request.method !== 'GET' || request.url !== '/metrics') {
        response.writeHead(404).end('only GET /metrics\n');
        return;
      }
      this.#text().then(
        (text) => response.writeHead(200, { 'content-type': CONTENT_TYPE }).end(text),
        () => response.writeHead(503).end(),
      );
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Rejects `FLOWRING_CONFIG` when the address cannot be used. */
  static async listen({ host, port }: MetricsAddress, render: () => Promise<string>): Promise<MetricsServer> {
    const metrics = new MetricsServer(render);
    await new Promise<void>((done, failed) => {
      metrics.#server.once('error', (cause) => {
        const message = `metrics.listen: ${cause.message}`;
        failed(new FlowringError('FLOWRING_CONFIG', { message, details: { key: 'metrics.listen' }, cause }));
      });
      metrics.#server.listen(port, host, done);
    });
    return metrics;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #text(): Promise<string> {
    this.#rendering ??= this.#render().finally(() => (this.#rendering = null));
    return this.#rendering;
  }
}
