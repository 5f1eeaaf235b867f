// Requests over HTTP/1.1 on a pool of connections, by undici, which is loaded when it is needed.
import { Readable } from 'node:stream';
import type { Transport, TransportResponse } from './transport.js';

/** HTTP over a pool of connections. `server` is an http: or https: origin. */
export async function createHttpTransport(server: string): Promise<Transport> {
  const { Pool, request } = await import('./packages/undici.js');
  const pool = new Pool(server, {
    connections: 8,
    connect: { timeout: 10_000 },
    headersTimeout: 120_000,
    bodyTimeout: 120_000,
  });
  return {
    server,
    async send(sent): Promise<TransportResponse> {
      const [only] = sent.body;
      const lengthBytes = sent.body.reduce((sum, part) => sum + part.length, 0);
      const response = await request.call(pool, {
        method: sent.method,
        path: sent.path,
        headers: lengthBytes > 0 ? { ...sent.headers, 'content-length': String(lengthBytes) } : sent.headers,
        body: only === undefined ? null : sent.body.length === 1 ? only : Readable.from(sent.body),
        signal: sent.signal ?? null,
      });
      return {
        status: response.statusCode,
        header: (name) => {
          const value = response.headers[name];
          return Array.isArray(value) ? value[0] : value;
        },
        body: response.body,
      };
    },
    close: () => pool.destroy(),
  };
}
