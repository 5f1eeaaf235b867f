// startLogin: first half of an OPAQUE login, paid with proof of work, so that every password guess costs some.
import type { Hono } from 'hono';
import { endpoints, ticketHeader } from '../../protocol/endpoints.js';
import { standardKeyStretching } from '../../protocol/key-stretching.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import { parseStartLoginRequest, type StartLoginResponse } from '../../protocol/messages.js';
import type { Admission } from '../admission/admission.js';
import { loginOf } from '../admission/surcharges.js';
import { type ClientNetwork, goneOf } from '../client-network.js';
import { findCredential } from '../db/accounts.js';
import type { Database } from '../db/connection.js';
import type { OpaqueServer } from '../opaque-server.js';
import { readJson } from '../request-body.js';

interface Needs {
  readonly database: Database;
  readonly admission: Admission;
  readonly clientNetwork: ClientNetwork;
  readonly opaque: OpaqueServer;
}

export function startLoginRoute(app: Hono, { database, admission, clientNetwork, opaque }: Needs): void {
  app.post(endpoints.startLogin.path, async (c) => {
    admission.turnAway(c.req.header(ticketHeader));
    const request = parseStartLoginRequest(await readJson(c, jsonBytesMax));
    const application = loginOf(request.account, clientNetwork(c));
    await admission.admit(request.proof, { ...application, isGone: goneOf(c) });
    admission.loginStarted(application);
    const credential = findCredential(database.orm, request.account);
    const response: StartLoginResponse = {
      ...opaque.startLogin(request.account, credential?.registrationRecord, request.startLoginRequest),
      keyStretching: credential?.keyStretching ?? standardKeyStretching,
    };
    return c.json(response);
  });
}
