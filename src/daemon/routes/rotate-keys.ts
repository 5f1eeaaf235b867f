// rotateKeys (docs/protocol.md): another account root and other vault keys, against a fresh proof of the password. Log and
// keyring change in one transaction; every token and every other session ends.
import type { Hono } from 'hono';
import {
  parseRotateKeysRequest,
  type RotateKeysRequest,
  type RotateKeysResponse,
} from '../../protocol/account-messages.js';
import { equalBytes, fromBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import type { LogEntry } from '../../protocol/log-entry.js';
import { appendEntry, readSignedEntry } from '../append-entry.js';
import type { Authenticate } from '../authenticate.js';
import type { Authorize } from '../authorize.js';
import { findCredential, replaceKeys, replacePassword } from '../db/accounts.js';
import type { Database } from '../db/connection.js';
import { deleteOtherSessions } from '../db/sessions.js';
import { revokeAllTokens } from '../db/tokens.js';
import type { LogTurns } from '../log-turns.js';
import type { OpaqueServer } from '../opaque-server.js';
import { readJson } from '../request-body.js';

interface Needs {
  readonly authenticate: Authenticate;
  readonly authorize: Authorize;
  readonly database: Database;
  readonly logTurns: LogTurns;
  readonly opaque: OpaqueServer;
  readonly quotaBytes: number | null;
  readonly now: () => number;
}

export function rotateKeysRoute(app: Hono, needs: Needs): void {
  const { authenticate, authorize, database, logTurns, opaque, quotaBytes, now } = needs;
  app.post(endpoints.rotateKeys.path, async (c) => {
    const { accountNo, account, vaultNo, vaultId, sessionId } = authenticate(c);
    const caller = authorize(c, 'any');
    const request = parseRotateKeysRequest(await readJson(c, jsonBytesMax));
    const { entry, signature, keys, registrationRecord, keyStretching } = request;
    const signed = readSignedEntry({ entry, signature, body: '' }, vaultId);
    checkFits(signed.entry, keys, vaultId);
    opaque.checkRecord(registrationRecord);
    logTurns.check(vaultNo, request.turn);
    const login = opaque.finishLogin(request.loginId, request.finishLoginRequest);
    const nowMs = now();
    const response = database.transaction((tx): RotateKeysResponse => {
      const isCurrent = findCredential(tx, account)?.registrationRecord === login.registrationRecord;
      if (login.account !== account || !isCurrent) throw new ProtocolError('login-failed', 'wrong account or password');
      const { receivedAt } = appendEntry(tx, { caller, signed, token: undefined, quotaBytes, nowMs });
      const passwordEnvelope = fromBase64(keys.passwordEnvelope);
      replacePassword(tx, accountNo, { registrationRecord, keyStretching, passwordEnvelope }, nowMs);
      replaceKeys(tx, accountNo, vaultNo, newKeysOf(keys), nowMs);
      return {
        receivedAt: new Date(receivedAt).toISOString(),
        endedSessions: deleteOtherSessions(tx, accountNo, nowMs, sessionId),
        endedTokens: revokeAllTokens(tx, vaultNo),
      };
    });
    logTurns.end(vaultNo, request.turn);
    return c.json(response);
  });
}

/** What the log says and what the keyring says is the same. */
function checkFits({ change }: LogEntry, keys: RotateKeysRequest['keys'], vaultId: string): void {
  const fits =
    change.op === 'rotate' &&
    keys.vaultId === vaultId &&
    equalBytes(change.identityPublicKey, fromBase64(keys.identityPublicKey)) &&
    equalBytes(change.vaultPublicKey, fromBase64(keys.vaultPublicKey));
  if (!fits) throw new ProtocolError('malformed', 'the entry is no rotation to the keys beside it');
}

function newKeysOf(keys: RotateKeysRequest['keys']) {
  return {
    identityPublicKey: fromBase64(keys.identityPublicKey),
    recoveryPublicKey: fromBase64(keys.recoveryPublicKey),
    recoveryEnvelope: fromBase64(keys.recoveryEnvelope),
    vaultPublicKey: fromBase64(keys.vaultPublicKey),
    vaultEnvelope: fromBase64(keys.vaultEnvelope),
  };
}
