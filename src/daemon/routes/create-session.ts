// createSession: second half of an OPAQUE login. Whoever proved the password gets a session and the account's envelopes.
import type { Hono } from 'hono';
import { toBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import { type CreateSessionResponse, parseCreateSessionRequest } from '../../protocol/messages.js';
import { findKeyring } from '../db/accounts.js';
import type { Database } from '../db/connection.js';
import { deleteExpiredSessions, insertSession } from '../db/sessions.js';
import { createSessionSecret } from '../new-session.js';
import type { OpaqueServer } from '../opaque-server.js';
import { readJson } from '../request-body.js';

interface Needs {
  readonly database: Database;
  readonly opaque: OpaqueServer;
  readonly now: () => number;
}

export function createSessionRoute(app: Hono, { database, opaque, now }: Needs): void {
  app.post(endpoints.createSession.path, async (c) => {
    const request = parseCreateSessionRequest(await readJson(c, jsonBytesMax));
    const account = opaque.finishLogin(request.loginId, request.finishLoginRequest);
    const keyring = findKeyring(database.orm, account);
    if (keyring === undefined) throw new ProtocolError('login-failed', 'wrong account or password');
    const nowMs = now();
    const session = createSessionSecret(request.label, nowMs);
    database.transaction((tx) => {
      deleteExpiredSessions(tx, nowMs);
      insertSession(tx, { ...session.row, accountNo: keyring.accountNo });
    });
    const response: CreateSessionResponse = {
      session: session.answer,
      account: keyring.name,
      accountId: keyring.accountId,
      keys: {
        identityPublicKey: toBase64(keyring.identityPublicKey),
        recoveryPublicKey: toBase64(keyring.recoveryPublicKey),
        passwordEnvelope: toBase64(keyring.passwordEnvelope),
        recoveryEnvelope: toBase64(keyring.recoveryEnvelope),
        vaultId: keyring.vaultId,
        vaultPublicKey: toBase64(keyring.vaultPublicKey),
        vaultEnvelope: toBase64(keyring.vaultEnvelope),
      },
    };
    return c.json(response, 201);
  });
}
