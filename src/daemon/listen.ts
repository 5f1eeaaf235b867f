// The HTTP server around the app: TLS, timeouts, the end of a run (docs/operating.md, "Limits").
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import type { Hono } from 'hono';
import { type ErrorCode, errorStatuses } from '../protocol/errors.js';
import type { ErrorResponse } from '../protocol/messages.js';
import type { Config } from './config.js';
import { limitNetworks, type UnderWay } from './network-connections.js';

/** Headers arrive at once or not at all. */
const headersTimeoutMs = 30_000;
/** A full upload of 64 MiB at 20 KB/s: slower lines send smaller uploads. */
const requestTimeoutMs = 60 * 60 * 1000;
/** A connection on which nothing moves for this long is cut, in the middle of a body too. */
const idleTimeoutMs = 5 * 60 * 1000;
/** Longer than clients keep theirs, so that they close first and never write into a closed connection. */
const keepAliveTimeoutMs = 65_000;
const connectionsMax = 1024;
const headerBytesMax = 16 * 1024;
/** Requests under way get this long once the daemon is told to stop. */
const drainTimeoutMs = 30_000;

export interface Listener {
  readonly url: string;
  /** Takes no more requests; resolves when those under way have ended, or at once when `signal` says so. */
  stop(signal: AbortSignal): Promise<void>;
}

type ListenConfig = Pick<Config, 'host' | 'port' | 'tls'> & Partial<Pick<Config, 'isForwarded'>>;

/** Resolves once the port is open. Errors of files and sockets pass as they are. */
export async function listen(app: Hono, { host, port, tls, isForwarded }: ListenConfig): Promise<Listener> {
  const limits = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    maxHeaderSize: headerBytesMax,
  };
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false, errorHandler: answerOutsideApp });
  const underWay: UnderWay = new WeakMap();
  const onRequest = oneAtATime((incoming, outgoing) => {
    underWay.set(incoming.socket, Promise.resolve(answer(incoming, outgoing)));
  });
  const server =
    tls === null
      ? createHttpServer(limits, onRequest)
      : createHttpsServer(
          { ...limits, cert: await readFile(tls.certPath), key: await readFile(tls.keyPath) },
          onRequest,
        );
  server.setTimeout(idleTimeoutMs);
  server.maxConnections = connectionsMax;
  // All connections are those of the proxy, where there is one.
  if (isForwarded !== true) limitNetworks(server, underWay);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address() as AddressInfo;
  const hostText = host.includes(':') ? `[${host}]` : host;
  return {
    url: `${tls === null ? 'http' : 'https'}://${hostText}:${String(address.port)}`,
    stop: (signal) => stopServer(server, signal),
  };
}

type OnRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/**
 * Requests of one connection one after the other, however many were sent without waiting for answers: nobody's place in
 * the event loop grows with what he has sent.
 */
function oneAtATime(onRequest: OnRequest): OnRequest {
  const lines = new WeakMap<Socket, (() => void)[]>();
  return (incoming, outgoing) => {
    const { socket } = incoming;
    const line = lines.get(socket) ?? [];
    lines.set(socket, line);
    outgoing.once('close', () => {
      line.shift();
      line[0]?.();
    });
    line.push(() => {
      if (!socket.destroyed) onRequest(incoming, outgoing);
    });
    if (line.length === 1) line[0]?.();
  };
}

/** For what never reaches the app, a Host header or target that is no URL above all: the same form of answer. */
function answerOutsideApp(error: unknown): Response {
  const code: ErrorCode = error instanceof RequestError ? 'malformed' : 'internal';
  const message = code === 'malformed' ? 'the request has no valid host or target' : 'the daemon failed';
  return Response.json({ error: { code, message } } satisfies ErrorResponse, { status: errorStatuses[code] });
}

async function stopServer(server: Server, signal: AbortSignal): Promise<void> {
  const cut = (): void => {
    server.closeAllConnections();
  };
  const timer = setTimeout(cut, drainTimeoutMs);
  // A kept-alive connection becomes idle only when its answer has been sent.
  const sweep = setInterval(() => {
    server.closeIdleConnections();
  }, 50);
  signal.addEventListener('abort', cut);
  try {
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
      if (signal.aborted) cut();
    });
  } finally {
    clearTimeout(timer);
    clearInterval(sweep);
    signal.removeEventListener('abort', cut);
  }
}
