// endSession: logout. The session that asks is gone when the answer arrives.
import type { Hono } from 'hono';
import { endpoints } from '../../protocol/endpoints.js';
import type { Authenticate } from '../authenticate.js';
import type { Database } from '../db/connection.js';
import { deleteSession } from '../db/sessions.js';

export function endSessionRoute(
  app: Hono,
  { authenticate, database }: { authenticate: Authenticate; database: Database },
): void {
  app.delete(endpoints.endSession.path, (c) => {
    deleteSession(database.orm, authenticate(c).sessionId);
    return c.body(null, 204);
  });
}
