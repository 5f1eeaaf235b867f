// Requests over HTTP/1.1 on a pool of connections, by undici, which is loaded when it is needed.
import { setMaxListeners } from 'node:events';
import { Readable } from 'node:stream';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/** As many as a line with loss is worth (line-window.ts), and some for questions beside them. */
const connectionsMax = 40;
/** Each request under way listens to its signal, mostly one for all, and others do as well. */
const listenersMax = 2 * connectionsMax;
const connectMs = 10_000;
/** Nothing moves on a connection for so long: it is broken. */
const silenceMs = 120_000;
/** What a connection has taken last of a long body waits in the system's buffers, behind everything else on a slow line. */
const longBodySilenceMs = 300_000;
const pieceBytesMin = 64 * 1024;
/** A long body is cut in so many pieces: each that is taken shows that the line is alive. */
const piecesWanted = 64;

function lengthOf({ body }: TransportRequest): number {
  return body.reduce((sum, part) => sum + part.length, 0);
}

function* piecesOf({ body, onSent }: TransportRequest, lengthBytes: number): Generator<Uint8Array> {
  const pieceBytes = Math.max(pieceBytesMin, Math.ceil(lengthBytes / piecesWanted));
  for (const part of body) {
    for (let from = 0; from < part.length; from += pieceBytes) {
      const piece = part.subarray(from, from + pieceBytes);
      yield piece;
      onSent?.(piece.length);
    }
  }
}

/** HTTP over a pool of connections. `server` is an http: or https: origin. */
export async function createHttpTransport(server: string): Promise<Transport> {
  const { buildConnector, Pool, request } = await import('./packages/undici.js');
  const connect = buildConnector({ timeout: connectMs });
  let connectedInMs: number | undefined;
  const pool = new Pool(server, {
    connections: connectionsMax,
    connect(options, callback) {
      const askedMs = performance.now();
      connect(options, (...outcome) => {
        const [error, socket] = outcome;
        if (error === null) {
          // On this machine itself it takes no time, but for what a busy processor makes of it.
          const tookMs = socket.localAddress === socket.remoteAddress ? 0 : performance.now() - askedMs;
          connectedInMs = Math.min(connectedInMs ?? Infinity, tookMs);
        }
        callback(...outcome);
      });
    },
    headersTimeout: silenceMs,
    bodyTimeout: silenceMs,
  });
  return {
    server,
    get connectedInMs() {
      return connectedInMs;
    },
    async send(sent): Promise<TransportResponse> {
      if (sent.signal !== undefined) setMaxListeners(listenersMax, sent.signal);
      const [only] = sent.body;
      const lengthBytes = lengthOf(sent);
      const isLong = lengthBytes > pieceBytesMin;
      const response = await request.call(pool, {
        method: sent.method,
        path: sent.path,
        headers: lengthBytes > 0 ? { ...sent.headers, 'content-length': String(lengthBytes) } : sent.headers,
        body:
          only === undefined
            ? null
            : sent.body.length === 1 && !isLong
              ? only
              : Readable.from(piecesOf(sent, lengthBytes)),
        headersTimeout: isLong ? longBodySilenceMs : silenceMs,
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
