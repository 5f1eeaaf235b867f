// listSessions: where the account is logged in.
import type { Hono } from 'hono';
import type { ListSessionsResponse } from '../../protocol/account-messages.js';
import { endpoints } from '../../protocol/endpoints.js';
import { listedSessionsMax } from '../../protocol/limits.js';
import type { Authenticate } from '../authenticate.js';
import type { Database } from '../db/connection.js';
import { findSessions } from '../db/sessions.js';

interface Needs {
  readonly authenticate: Authenticate;
  readonly database: Database;
  readonly now: () => number;
}

export function listSessionsRoute(app: Hono, { authenticate, database, now }: Needs): void {
  app.get(endpoints.listSessions.path, (c) => {
    const caller = authenticate(c);
    const sessions = findSessions(database.orm, caller.accountNo, now(), listedSessionsMax);
    const response: ListSessionsResponse = {
      sessions: sessions.map(({ sessionId, label, createdAt, lastUsedAt, expiresAt }) => ({
        id: sessionId,
        label,
        createdAt: new Date(createdAt).toISOString(),
        lastUsedAt: new Date(lastUsedAt).toISOString(),
        expiresAt: new Date(expiresAt).toISOString(),
        isCurrent: sessionId === caller.sessionId,
      })),
    };
    return c.json(response);
  });
}
