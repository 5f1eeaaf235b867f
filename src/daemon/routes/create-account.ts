// createAccount: second half of OPAQUE registration, paid with proof of work. Makes account, keyring, personal vault and
// a first session in one transaction.
import type { Hono } from 'hono';
import { sha256 } from '../../protocol/blob-id.js';
import { fromBase64 } from '../../protocol/bytes.js';
import { endpoints, ticketHeader } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import { type CreateAccountResponse, parseCreateAccountRequest } from '../../protocol/messages.js';
import { challengeBinding } from '../../protocol/proof-of-work.js';
import type { Admission } from '../admission/admission.js';
import { type ClientNetwork, goneOf } from '../client-network.js';
import { insertAccount } from '../db/accounts.js';
import type { Database } from '../db/connection.js';
import { useInvite } from '../db/invites.js';
import { insertSession } from '../db/sessions.js';
import { setDecision } from '../db/standings.js';
import { createSessionSecret } from '../new-session.js';
import type { OpaqueServer } from '../opaque-server.js';
import { readJson } from '../request-body.js';

interface Needs {
  readonly database: Database;
  readonly admission: Admission;
  readonly clientNetwork: ClientNetwork;
  readonly opaque: OpaqueServer;
  readonly sessionTtlMs: number;
  readonly now: () => number;
}

export function createAccountRoute(app: Hono, needs: Needs): void {
  const { database, admission, clientNetwork, opaque, sessionTtlMs, now } = needs;
  app.post(endpoints.createAccount.path, async (c) => {
    admission.turnAway(c.req.header(ticketHeader));
    const request = parseCreateAccountRequest(await readJson(c, jsonBytesMax));
    const inviteHash = request.invite === undefined ? undefined : sha256(fromBase64(request.invite));
    const binding = challengeBinding('register', request.account);
    const network = clientNetwork(c);
    const { tier } = await admission.admit(request.proof, {
      purpose: 'register',
      tier: 'new',
      account: undefined,
      network,
      binding,
      isGone: goneOf(c),
    });
    if (tier === 'established' && inviteHash === undefined) {
      throw new ProtocolError('invite-invalid', 'the challenge was for an invitation');
    }
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
      if (inviteHash === undefined) return;
      if (!useInvite(tx, inviteHash, nowMs)) {
        throw new ProtocolError('invite-invalid', 'the invitation was used, has expired or never was');
      }
      setDecision(tx, accountNo, 'established');
    });
    const response: CreateAccountResponse = { session: session.answer };
    return c.json(response, 201);
  });
}
