// The embedded default (docs/architecture.md): the daemon's app in this process, on a local folder, through the same
// protocol code and without a socket. The only file outside the daemon that may import it, and only when it is needed.
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { ClientError } from '../client/errors.js';
import type { Transport, TransportResponse } from '../client/transport.js';

async function openApp(folder: string) {
  const { DriverMissingError, driverMissingHint } = await import('../daemon/db/connection.js');
  try {
    const [{ pino }, { openServices }, { alonePolicy, createDaemonApp }] = await Promise.all([
      import('pino'),
      import('../daemon/services.js'),
      import('../daemon/daemon-app.js'),
    ]);
    const log = pino({ name: 'jaycloud', level: 'error' }, pino.destination({ dest: 2, sync: true }));
    const services = await openServices({ dataDir: folder, quotaBytes: null, log });
    // Nobody else is served, so there is nothing to protect from a crowd.
    const { app } = await createDaemonApp(services, alonePolicy);
    return { app, services };
  } catch (cause) {
    if (cause instanceof DriverMissingError) {
      const hint = `${driverMissingHint}, or use a daemon with --server URL`;
      throw new ClientError('failed', `local vaults need SQLite: ${cause.message}`, hint, { cause });
    }
    const error = cause as NodeJS.ErrnoException;
    if (error.code !== undefined) {
      throw new ClientError('failed', `cannot open the vault in ${folder}: ${error.message}`, undefined, { cause });
    }
    throw cause;
  }
}

/** True where the package that local vaults need is installed and fits this Node. */
export async function hasVaultDriver(): Promise<boolean> {
  const { DriverMissingError, openDatabase } = await import('../daemon/db/connection.js');
  try {
    (await openDatabase(':memory:')).close();
    return true;
  } catch (error) {
    if (error instanceof DriverMissingError) return false;
    throw error;
  }
}

/** `server` is a file: URL; the folder is made where it is missing. */
export async function createEmbeddedTransport(server: string): Promise<Transport> {
  const { app, services } = await openApp(fileURLToPath(server));
  const underWay = new Set<Promise<unknown>>();
  return {
    server,
    async send(request): Promise<TransportResponse> {
      const incoming = Readable.from(request.body, { objectMode: false });
      const url = new URL(request.path, 'http://localhost');
      const work = Promise.resolve(
        app.fetch(new Request(url, { method: request.method, headers: request.headers }), { incoming }),
      );
      underWay.add(work);
      try {
        const response = await work;
        return {
          status: response.status,
          header: (name) => response.headers.get(name) ?? undefined,
          body: response.body ?? Readable.from([]),
        };
      } finally {
        underWay.delete(work);
      }
    },
    async close() {
      // A request that was abandoned may still be writing; the database closes behind it.
      await Promise.allSettled(underWay);
      await services.close();
    },
  };
}
