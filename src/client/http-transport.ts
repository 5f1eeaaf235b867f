// Requests over HTTP/1.1 on a pool of connections; the only importer of undici, which is loaded when it is needed.
import { Readable } from 'node:stream';
import type { Transport, TransportResponse } from './transport.js';

/** HTTP over a pool of connections. `server` is an http: or https: origin. */
export async function createHttpTransport(server: string): Promise<Transport> {
  const { Pool } = await import('undici');
  const pool = new Pool(server, {
    connections: 8,
    connect: { timeout: 10_000 },
    headersTimeout: 120_000,
    bodyTimeout: 120_000,
  });
  return {
    server,
    async send(request): Promise<TransportResponse> {
      const [only] = request.body;
      const lengthBytes = request.body.reduce((sum, part) => sum + part.length, 0);
      const response = await pool.request({
        method: request.method,
        path: request.path,
        headers: lengthBytes > 0 ? { ...request.headers, 'content-length': String(lengthBytes) } : request.headers,
        body: only === undefined ? null : request.body.length === 1 ? only : Readable.from(request.body),
        signal: request.signal ?? null,
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
