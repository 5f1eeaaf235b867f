// A whole daemon without a socket, whose clock the test moves, and the client's own functions on it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Hono } from 'hono';
import { pino } from 'pino';
import { register } from '../../src/client/account.js';
import type { Credential } from '../../src/client/credentials.js';
import { DaemonApi } from '../../src/client/daemon-api.js';
import { PaidSolver } from '../../src/client/paid-solver.js';
import type { Transport } from '../../src/client/transport.js';
import { alonePolicy, createDaemonApp } from '../../src/daemon/daemon-app.js';
import { openServices } from '../../src/daemon/services.js';
import { toBase64 } from '../../src/protocol/bytes.js';
import { ProtocolError } from '../../src/protocol/errors.js';
import type { Proof } from '../../src/protocol/messages.js';
import { challengeBinding } from '../../src/protocol/proof-of-work.js';
import { send } from './daemon-fixture.js';
import { withDatabase } from './data-dir.js';

export const testSolver = new PaidSolver({ secondsMax: 60, onPrice: () => undefined, signal: undefined });

export interface AccountDaemon {
  readonly app: Hono;
  readonly dataDir: string;
  readonly clock: { nowMs: number };
  readonly transport: Transport;
  /** With the session of `credential`, or with none. */
  api(credential?: Credential): DaemonApi;
  /** Posts JSON and gives back what came, without the client's retries. */
  post(path: string, body: unknown, credential?: Credential): Promise<{ status: number; body: unknown }>;
  register(account: string, password?: string): Promise<{ credential: Credential; recoveryKey: Uint8Array }>;
  /** A free proof of purpose `login`. */
  loginProof(account: string): Promise<Proof>;
  /** Every row of every table, by table. */
  rows(): Record<string, unknown[]>;
  close(): Promise<void>;
}

export const passwordOf = (account: string) => `pass of ${account}`;

/** Every row of every table of a data directory. */
export function dumpRows(dataDir: string): Record<string, unknown[]> {
  return withDatabase(dataDir, (database) => {
    const tables = database
      .prepare(`select name from sqlite_master where type = 'table' order by name`)
      .pluck()
      .all() as string[];
    return Object.fromEntries(tables.map((table) => [table, database.prepare(`select * from "${table}"`).all()]));
  });
}

export async function openAccountDaemon(options: { sessionTtlMs?: number } = {}): Promise<AccountDaemon> {
  const dataDir = await mkdtemp(join(tmpdir(), 'jaycloud-accounts-'));
  const clock = { nowMs: Date.UTC(2030, 0, 1) };
  const log = pino({ level: 'silent' });
  const services = await openServices({ dataDir, quotaBytes: null, log, now: () => clock.nowMs, ...options });
  const { app } = await createDaemonApp(services, alonePolicy);
  const transport: Transport = {
    server: 'http://daemon.test',
    async send({ method, path, headers, body }) {
      const request = new Request(`http://daemon.test${path}`, { method, headers });
      const response = await app.fetch(request, { incoming: Readable.from(body, { objectMode: false }) });
      return {
        status: response.status,
        header: (name) => response.headers.get(name) ?? undefined,
        body: response.body ?? Readable.from([]),
      };
    },
    close: () => Promise.resolve(),
  };
  const api = (credential?: Credential) =>
    new DaemonApi(transport, credential === undefined ? {} : { sessionSecret: credential.sessionSecret });
  return {
    app,
    dataDir,
    clock,
    transport,
    api,
    async post(path, body, credential) {
      const authorization = credential === undefined ? {} : { authorization: `Bearer ${credential.sessionSecret}` };
      const sent = { body: Buffer.from(JSON.stringify(body)), headers: { ...authorization } };
      const response = await send(app, 'POST', path, sent);
      return { status: response.status, body: await response.json() };
    },
    register: (account, password = passwordOf(account)) =>
      register(api(), { account, password, label: `first of ${account}`, solver: testSolver }),
    async loginProof(account) {
      const binding = toBase64(challengeBinding('login', account));
      return { token: (await api().createChallenge({ purpose: 'login', binding })).token, solutions: '' };
    },
    rows: () => dumpRows(dataDir),
    async close() {
      await services.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

/** The wire error code that some work ends with; anything else fails the test. */
export async function wireCodeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  return 'none';
}
