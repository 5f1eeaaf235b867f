// The challenge and grant routes on a database in memory, with two accounts, and errors answered by their code.
import { Hono } from 'hono';
import { type Admission, createFixedAdmission } from '../../src/daemon/admission/admission.js';
import type { Price, PriceRequest } from '../../src/daemon/admission/prices.js';
import { createLocalReplay } from '../../src/daemon/admission/replay-store.js';
import { createAuthenticator } from '../../src/daemon/authenticate.js';
import { createAuthorizer } from '../../src/daemon/authorize.js';
import { type Challenges, createChallenges } from '../../src/daemon/challenges.js';
import { type Database, openDatabase } from '../../src/daemon/db/connection.js';
import { createChallengeRoute } from '../../src/daemon/routes/create-challenge.js';
import { createGrantRoute } from '../../src/daemon/routes/create-grant.js';
import { WorkMeter } from '../../src/daemon/work-meter.js';
import { errorStatuses, ProtocolError } from '../../src/protocol/errors.js';
import { insertAccount, type TestAccount } from './accounts.js';

export interface PowApp {
  readonly database: Database;
  readonly admission: Admission;
  readonly anna: TestAccount;
  readonly bert: TestAccount;
  /** Posts JSON; the answer is the status and the parsed body. */
  post(
    path: string,
    body: unknown,
    authorization?: string,
    more?: Readonly<Record<string, string>>,
  ): Promise<{ status: number; body: unknown }>;
}

/** `price` makes all prices, or `admissionOf` the whole admission. */
export async function createPowApp(
  price: ((request: PriceRequest) => Price) | { readonly admissionOf: (challenges: Challenges) => Admission },
  now: () => number,
): Promise<PowApp> {
  const database = await openDatabase(':memory:');
  const challenges = createChallenges({ masterKey: new Uint8Array(32), replay: createLocalReplay(), now });
  const admission = 'admissionOf' in price ? price.admissionOf(challenges) : createFixedAdmission(challenges, price);
  const authorize = createAuthorizer(database, createAuthenticator(database, now, 24 * 60 * 60 * 1000), now);
  const app = new Hono();
  app.onError((error, c) => {
    if (!(error instanceof ProtocolError)) throw error;
    const { code, message, retry } = error;
    return c.json({ error: { code, message, ...retry } }, errorStatuses[code]);
  });
  const needs = { authorize, admission, clientNetwork: () => '192.0.2.0/24', database, meter: new WorkMeter(), now };
  createChallengeRoute(app, needs);
  createGrantRoute(app, needs);
  return {
    database,
    admission,
    anna: insertAccount(database, 'anna', now()),
    bert: insertAccount(database, 'bert', now()),
    post: async (path, body, authorization, more = {}) => {
      const headers = {
        'content-type': 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
        ...more,
      };
      const response = await app.request(path, { method: 'POST', headers, body: JSON.stringify(body) }, {});
      return { status: response.status, body: await response.json() };
    },
  };
}
