// takeTurn (docs/protocol.md): a place in the line of those who write to a vault log; the answer comes when it is reached.
import type { Hono } from 'hono';
import { toBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import { parseTakeTurnRequest, type TakeTurnResponse } from '../../protocol/messages.js';
import type { Authorize } from '../authorize.js';
import type { Database } from '../db/connection.js';
import { readHead } from '../db/vaults.js';
import type { LogTurns } from '../log-turns.js';
import { readJson } from '../request-body.js';

interface Needs {
  readonly authorize: Authorize;
  readonly database: Database;
  readonly logTurns: LogTurns;
}

export function takeTurnRoute(app: Hono, { authorize, database, logTurns }: Needs): void {
  app.post(endpoints.takeTurn.path, async (c) => {
    const { vaultNo, entityId } = authorize(c, 'any');
    parseTakeTurnRequest(await readJson(c, jsonBytesMax));
    const turn = await logTurns.take(vaultNo, entityId);
    const { headSeq, headHash } = readHead(database.orm, vaultNo);
    return c.json({ turn, seq: headSeq, hash: toBase64(headHash) } satisfies TakeTurnResponse);
  });
}
