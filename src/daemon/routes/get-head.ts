// getHead (docs/protocol.md): where the vault log ends. Even who may read nothing needs it, to put an entry behind it.
import type { Hono } from 'hono';
import { toBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import type { LogHead } from '../../protocol/messages.js';
import type { Authorize } from '../authorize.js';
import type { Database } from '../db/connection.js';
import { readHead } from '../db/vaults.js';

interface Needs {
  readonly authorize: Authorize;
  readonly database: Database;
}

export function getHeadRoute(app: Hono, { authorize, database }: Needs): void {
  app.get(endpoints.getHead.path, (c) => {
    const { headSeq, headHash } = readHead(database.orm, authorize(c, 'any').vaultNo);
    return c.json({ seq: headSeq, hash: toBase64(headHash) } satisfies LogHead);
  });
}
