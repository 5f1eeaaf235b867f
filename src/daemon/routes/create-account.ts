// createAccount: second half of OPAQUE registration, paid with proof of work. Makes account, keyring, personal vault and
// a first session in one transaction.
import type { Hono } from 'hono';
import { fromBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import { type CreateAccountResponse, parseCreateAccountRequest } from '../../protocol/messages.js';
import { challengeBinding } from '../../protocol/proof-of-work.js';
import type { Challenges } from '../challenges.js';
import { insertAccount } from '../db/accounts.js';
import type { Database } from '../db/connection.js';
import { insertSession } from '../db/sessions.js';
import { createSessionSecret } from '../new-session.js';
import type { OpaqueServer } from '../opaque-server.js';
import { readJson } from '../request-body.js';

interface Needs {
  readonly database: Database;
  readonly challenges: Challenges;
  readonly opaque: OpaqueServer;
  readonly sessionTtlMs: number;
  readonly now: () => number;
}

export function createAccountRoute(app: Hono, needs: Needs): void {
  const { database, challenges, opaque, sessionTtlMs, now } = needs;
  app.post(endpoints.createAccount.path, async (c) => {
    const request = parseCreateAccountRequest(await readJson(c, jsonBytesMax));
    challenges.redeem(request.proof, {
      purposes: ['register'],
      binding: challengeBinding('register', request.account),
    });
    opaque.checkRecord(request.registrationRecord);
    const nowMs = now();
    const session = createSessionSecret(request.label, nowMs, sessionTtlMs);
    const { keys } = request;
    database.transaction((tx) => {
      const accountNo = insertAccount(
        tx,
        {
          accountId: request.accountId,
          name: request.account,
          registrationRecord: request.registrationRecord,
          keyStretching: request.keyStretching,
          identityPublicKey: fromBase64(keys.identityPublicKey),
          recoveryPublicKey: fromBase64(keys.recoveryPublicKey),
          passwordEnvelope: fromBase64(keys.passwordEnvelope),
          recoveryEnvelope: fromBase64(keys.recoveryEnvelope),
          vaultId: keys.vaultId,
          vaultPublicKey: fromBase64(keys.vaultPublicKey),
          vaultEnvelope: fromBase64(keys.vaultEnvelope),
        },
        nowMs,
      );
      insertSession(tx, { ...session.row, accountNo });
    });
    const response: CreateAccountResponse = { session: session.answer };
    return c.json(response, 201);
  });
}
