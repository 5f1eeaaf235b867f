// createSession: second half of an OPAQUE login. Whoever proved the password gets a session and the account's envelopes.
import type { Hono } from 'hono';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import { type CreateSessionResponse, parseCreateSessionRequest } from '../../protocol/messages.js';
import type { Admission } from '../admission/admission.js';
import { loginOf } from '../admission/surcharges.js';
import type { ClientNetwork } from '../client-network.js';
import { findCredential, findKeyring } from '../db/accounts.js';
import type { Database } from '../db/connection.js';
import { deleteExpiredSessions, insertSession } from '../db/sessions.js';
import { keyringAnswer } from '../keyring-answer.js';
import { createSessionSecret } from '../new-session.js';
import type { OpaqueServer } from '../opaque-server.js';
import { readJson } from '../request-body.js';

interface Needs {
  readonly admission: Admission;
  readonly clientNetwork: ClientNetwork;
  readonly database: Database;
  readonly opaque: OpaqueServer;
  readonly sessionTtlMs: number;
  readonly now: () => number;
}

export function createSessionRoute(app: Hono, needs: Needs): void {
  const { admission, clientNetwork, database, opaque, sessionTtlMs, now } = needs;
  app.post(endpoints.createSession.path, async (c) => {
    const request = parseCreateSessionRequest(await readJson(c, jsonBytesMax));
    const login = opaque.finishLogin(request.loginId, request.finishLoginRequest);
    const nowMs = now();
    const session = createSessionSecret(request.label, nowMs, sessionTtlMs);
    const keyring = database.transaction((tx) => {
      const found = findKeyring(tx, login.account);
      const isCurrent = findCredential(tx, login.account)?.registrationRecord === login.registrationRecord;
      if (found === undefined || !isCurrent) throw new ProtocolError('login-failed', 'wrong account or password');
      deleteExpiredSessions(tx, nowMs);
      insertSession(tx, { ...session.row, accountNo: found.accountNo });
      return found;
    });
    admission.loginSucceeded(loginOf(login.account, clientNetwork(c)));
    const response: CreateSessionResponse = { session: session.answer, ...keyringAnswer(keyring) };
    return c.json(response, 201);
  });
}
