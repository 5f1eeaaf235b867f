// revokeSession: ends one session of the caller's account. One of another account and none at all look alike.
import type { Hono } from 'hono';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import type { Authenticate } from '../authenticate.js';
import type { Database } from '../db/connection.js';
import { deleteSessionOf } from '../db/sessions.js';

interface Needs {
  readonly authenticate: Authenticate;
  readonly database: Database;
  readonly now: () => number;
}

export function revokeSessionRoute(app: Hono, { authenticate, database, now }: Needs): void {
  app.delete(endpoints.revokeSession.path, (c) => {
    const { accountNo } = authenticate(c);
    const sessionId = c.req.param('id');
    if (!/^[0-9a-f]{32}$/.test(sessionId)) throw new ProtocolError('malformed', 'not the id of a session');
    if (!deleteSessionOf(database.orm, accountNo, sessionId, now())) {
      throw new ProtocolError('not-found', 'the account has no such session');
    }
    return c.body(null, 204);
  });
}
