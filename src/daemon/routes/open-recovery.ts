// openRecovery: the keyring for a signature of the recovery key. Nothing changes.
import type { Hono } from 'hono';
import { type OpenRecoveryResponse, parseOpenRecoveryRequest } from '../../protocol/account-messages.js';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import { findKeyring } from '../db/accounts.js';
import type { Database } from '../db/connection.js';
import { keyringAnswer } from '../keyring-answer.js';
import type { Recoveries } from '../recoveries.js';
import { readJson } from '../request-body.js';

interface Needs {
  readonly database: Database;
  readonly recoveries: Recoveries;
}

export function openRecoveryRoute(app: Hono, { database, recoveries }: Needs): void {
  app.post(endpoints.openRecovery.path, async (c) => {
    const { recoveryId, signature } = parseOpenRecoveryRequest(await readJson(c, jsonBytesMax));
    const find = (name: string) => findKeyring(database.orm, name);
    const keyring = find(recoveries.open(recoveryId, signature, (name) => find(name)?.recoveryPublicKey));
    if (keyring === undefined) throw new ProtocolError('login-failed', 'wrong account or recovery key');
    const response: OpenRecoveryResponse = keyringAnswer(keyring);
    return c.json(response);
  });
}
