// The challenge and grant routes on a database in memory, with two accounts, and errors answered by their code.
import { Hono } from 'hono';
import { createAuthenticator } from '../../src/daemon/authenticate.js';
import { createAuthorizer } from '../../src/daemon/authorize.js';
import { createChallenges } from '../../src/daemon/challenges.js';
import { type Database, openDatabase } from '../../src/daemon/db/connection.js';
import type { PriceSource } from '../../src/daemon/prices.js';
import { createChallengeRoute } from '../../src/daemon/routes/create-challenge.js';
import { createGrantRoute } from '../../src/daemon/routes/create-grant.js';
import { errorStatuses, ProtocolError } from '../../src/protocol/errors.js';
import { insertAccount, type TestAccount } from './accounts.js';

export interface PowApp {
  readonly database: Database;
  readonly anna: TestAccount;
  readonly bert: TestAccount;
  /** Posts JSON; the answer is the status and the parsed body. */
  post(path: string, body: unknown, authorization?: string): Promise<{ status: number; body: unknown }>;
}

export async function createPowApp(prices: PriceSource, now: () => number): Promise<PowApp> {
  const database = await openDatabase(':memory:');
  const challenges = createChallenges({ masterKey: new Uint8Array(32), prices, now });
  const authorize = createAuthorizer(database, createAuthenticator(database, now, 24 * 60 * 60 * 1000), now);
  const app = new Hono();
  app.onError((error, c) => {
    if (!(error instanceof ProtocolError)) throw error;
    return c.json({ error: { code: error.code, message: error.message } }, errorStatuses[error.code]);
  });
  createChallengeRoute(app, { authorize, challenges });
  createGrantRoute(app, { authorize, challenges, database, now });
  return {
    database,
    anna: insertAccount(database, 'anna', now()),
    bert: insertAccount(database, 'bert', now()),
    post: async (path, body, authorization) => {
      const headers = { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) };
      const response = await app.request(path, { method: 'POST', headers, body: JSON.stringify(body) });
      return { status: response.status, body: await response.json() };
    },
  };
}
