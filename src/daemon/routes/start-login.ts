// startLogin: first half of an OPAQUE login, paid with proof of work, so that every password guess costs some.
import type { Hono } from 'hono';
import { endpoints } from '../../protocol/endpoints.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import { parseStartLoginRequest, type StartLoginResponse } from '../../protocol/messages.js';
import { challengeBinding } from '../../protocol/proof-of-work.js';
import type { Challenges } from '../challenges.js';
import { findRegistrationRecord } from '../db/accounts.js';
import type { Database } from '../db/connection.js';
import type { OpaqueServer } from '../opaque-server.js';
import { readJson } from '../request-body.js';

interface Needs {
  readonly database: Database;
  readonly challenges: Challenges;
  readonly opaque: OpaqueServer;
}

export function startLoginRoute(app: Hono, { database, challenges, opaque }: Needs): void {
  app.post(endpoints.startLogin.path, async (c) => {
    const request = parseStartLoginRequest(await readJson(c, jsonBytesMax));
    challenges.redeem(request.proof, { purposes: ['login'], binding: challengeBinding('login', request.account) });
    const record = findRegistrationRecord(database.orm, request.account);
    const response: StartLoginResponse = opaque.startLogin(request.account, record, request.startLoginRequest);
    return c.json(response);
  });
}
