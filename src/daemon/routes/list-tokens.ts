// listTokens (docs/protocol.md): all tokens that the vault has had, for its account.
import type { Hono } from 'hono';
import { endpoints } from '../../protocol/endpoints.js';
import type { ListTokensResponse } from '../../protocol/messages.js';
import type { Authenticate } from '../authenticate.js';
import type { Database } from '../db/connection.js';
import { listTokens } from '../db/tokens.js';
import { tokenState } from '../token-state.js';

interface Needs {
  readonly authenticate: Authenticate;
  readonly database: Database;
}

export function listTokensRoute(app: Hono, { authenticate, database }: Needs): void {
  app.get(endpoints.listTokens.path, (c) => {
    const tokens = listTokens(database.orm, authenticate(c).vaultNo).map((token) => ({
      ...tokenState(token),
      certificateSeq: token.certificateSeq,
      lastUsedAt: token.lastUsedAt === null ? null : new Date(token.lastUsedAt).toISOString(),
      isRevoked: token.revoked,
    }));
    return c.json({ tokens } satisfies ListTokensResponse);
  });
}
