// appendLog (docs/protocol.md): one entry at the end of the vault log, by compare-and-swap on its head.
import type { Hono } from 'hono';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import { type AppendLogResponse, parseAppendLogRequest } from '../../protocol/messages.js';
import { appendEntry, readSignedEntry } from '../append-entry.js';
import type { Authorize } from '../authorize.js';
import type { Database } from '../db/connection.js';
import type { LogTurns } from '../log-turns.js';
import { readJson } from '../request-body.js';

export interface AppendLogNeeds {
  readonly authorize: Authorize;
  readonly database: Database;
  readonly logTurns: LogTurns;
  readonly quotaBytes: number | null;
  readonly now: () => number;
}

export function appendLogRoute(app: Hono, { authorize, database, logTurns, quotaBytes, now }: AppendLogNeeds): void {
  app.post(endpoints.appendLog.path, async (c) => {
    const caller = authorize(c, 'any');
    const request = parseAppendLogRequest(await readJson(c, jsonBytesMax));
    const signed = readSignedEntry(request, caller.vaultId);
    const { change, seq } = signed.entry;
    if (change.op === 'rotate') throw new ProtocolError('malformed', 'a rotation comes with its keys, elsewhere');
    if (request.token !== undefined && change.op !== 'certify') {
      throw new ProtocolError('malformed', 'only a certificate comes with a token');
    }
    const appending = { caller, signed, token: request.token, quotaBytes, nowMs: now() };
    logTurns.check(caller.vaultNo, request.turn);
    const { receivedAt, version } = database.transaction((tx) => appendEntry(tx, appending));
    logTurns.end(caller.vaultNo, request.turn);
    const response = { seq, receivedAt: new Date(receivedAt).toISOString(), ...(version !== undefined && { version }) };
    return c.json(response satisfies AppendLogResponse);
  });
}
