// finishRecovery: a new password on the word of the recovery key. Every session ends, and a new one is made, in one
// transaction.
import type { Hono } from 'hono';
import { type FinishRecoveryResponse, parseFinishRecoveryRequest } from '../../protocol/account-messages.js';
import { fromBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import { findKeyring, replacePassword } from '../db/accounts.js';
import type { Database } from '../db/connection.js';
import { deleteOtherSessions, insertSession } from '../db/sessions.js';
import { createSessionSecret } from '../new-session.js';
import type { OpaqueServer } from '../opaque-server.js';
import type { Recoveries } from '../recoveries.js';
import { readJson } from '../request-body.js';

interface Needs {
  readonly database: Database;
  readonly opaque: OpaqueServer;
  readonly recoveries: Recoveries;
  readonly sessionTtlMs: number;
  readonly now: () => number;
}

export function finishRecoveryRoute(app: Hono, { database, opaque, recoveries, sessionTtlMs, now }: Needs): void {
  app.post(endpoints.finishRecovery.path, async (c) => {
    const request = parseFinishRecoveryRequest(await readJson(c, jsonBytesMax));
    const { recoveryId, signature, registrationRecord, keyStretching } = request;
    const passwordEnvelope = fromBase64(request.passwordEnvelope);
    opaque.checkRecord(registrationRecord);
    const nowMs = now();
    const session = createSessionSecret(request.label, nowMs, sessionTtlMs);
    const endedSessions = database.transaction((tx) => {
      const find = (name: string) => findKeyring(tx, name);
      const account = recoveries.finish(recoveryId, signature, request, (name) => find(name)?.recoveryPublicKey);
      const accountNo = find(account)?.accountNo;
      if (accountNo === undefined) throw new ProtocolError('login-failed', 'wrong account or recovery key');
      replacePassword(tx, accountNo, { registrationRecord, keyStretching, passwordEnvelope }, nowMs);
      const ended = deleteOtherSessions(tx, accountNo, nowMs);
      insertSession(tx, { ...session.row, accountNo });
      return ended;
    });
    const response: FinishRecoveryResponse = { session: session.answer, endedSessions };
    return c.json(response, 201);
  });
}
