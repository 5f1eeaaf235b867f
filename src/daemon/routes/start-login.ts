// startLogin: first half of an OPAQUE login, paid with proof of work, so that every password guess costs some.
import type { Hono } from 'hono';
import { endpoints } from '../../protocol/endpoints.js';
import { standardKeyStretching } from '../../protocol/key-stretching.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import { parseStartLoginRequest, type StartLoginResponse } from '../../protocol/messages.js';
import { challengeBinding } from '../../protocol/proof-of-work.js';
import type { Challenges } from '../challenges.js';
import { findCredential } from '../db/accounts.js';
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
    const credential = findCredential(database.orm, request.account);
    const response: StartLoginResponse = {
      ...opaque.startLogin(request.account, credential?.registrationRecord, request.startLoginRequest),
      keyStretching: credential?.keyStretching ?? standardKeyStretching,
    };
    return c.json(response);
  });
}
