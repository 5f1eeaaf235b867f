// changePassword: another password for the account of the session, against a fresh proof of the present one. Every other
// session ends with it.
import type { Hono } from 'hono';
import { type ChangePasswordResponse, parseChangePasswordRequest } from '../../protocol/account-messages.js';
import { fromBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import type { Authenticate } from '../authenticate.js';
import { findCredential, replacePassword } from '../db/accounts.js';
import type { Database } from '../db/connection.js';
import { deleteOtherSessions } from '../db/sessions.js';
import type { OpaqueServer } from '../opaque-server.js';
import { readJson } from '../request-body.js';

interface Needs {
  readonly authenticate: Authenticate;
  readonly database: Database;
  readonly opaque: OpaqueServer;
  readonly now: () => number;
}

export function changePasswordRoute(app: Hono, { authenticate, database, opaque, now }: Needs): void {
  app.post(endpoints.changePassword.path, async (c) => {
    const { accountNo, account, sessionId } = authenticate(c);
    const request = parseChangePasswordRequest(await readJson(c, jsonBytesMax));
    const { registrationRecord, keyStretching } = request;
    const passwordEnvelope = fromBase64(request.passwordEnvelope);
    opaque.checkRecord(registrationRecord);
    const login = opaque.finishLogin(request.loginId, request.finishLoginRequest);
    const nowMs = now();
    const endedSessions = database.transaction((tx) => {
      const isCurrent = findCredential(tx, account)?.registrationRecord === login.registrationRecord;
      if (login.account !== account || !isCurrent) throw new ProtocolError('login-failed', 'wrong account or password');
      replacePassword(tx, accountNo, { registrationRecord, keyStretching, passwordEnvelope }, nowMs);
      return deleteOtherSessions(tx, accountNo, nowMs, sessionId);
    });
    const response: ChangePasswordResponse = { endedSessions };
    return c.json(response);
  });
}
