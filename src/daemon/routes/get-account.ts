// getAccount: who the session belongs to, what the vault holds, when the session ends.
import type { Hono } from 'hono';
import { endpoints } from '../../protocol/endpoints.js';
import type { GetAccountResponse } from '../../protocol/messages.js';
import type { Authenticate } from '../authenticate.js';
import { findVaultUse } from '../db/accounts.js';
import type { Database } from '../db/connection.js';

interface Needs {
  readonly authenticate: Authenticate;
  readonly database: Database;
  /** Logical bytes that a vault may own; null where there is no quota. */
  readonly quotaBytes: number | null;
}

export function getAccountRoute(app: Hono, { authenticate, database, quotaBytes }: Needs): void {
  app.get(endpoints.getAccount.path, (c) => {
    const caller = authenticate(c);
    const response: GetAccountResponse = {
      account: caller.account,
      accountId: caller.accountId,
      vaultId: caller.vaultId,
      ownedBytes: findVaultUse(database.orm, caller.vaultNo).ownedBytes,
      quotaBytes,
      session: {
        id: caller.sessionId,
        createdAt: new Date(caller.sessionCreatedAt).toISOString(),
        expiresAt: new Date(caller.sessionExpiresAt).toISOString(),
      },
    };
    return c.json(response);
  });
}
