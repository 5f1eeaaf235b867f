// readLog (docs/protocol.md): the vault log from a place onwards, a page at a time.
import type { Hono } from 'hono';
import { toBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { logEntriesMax } from '../../protocol/limits.js';
import type { ReadLogResponse } from '../../protocol/messages.js';
import type { Authenticate } from '../authenticate.js';
import type { Database } from '../db/connection.js';
import { readLogEntries } from '../db/log-entries.js';
import { readHead } from '../db/vaults.js';

/** As base64 this makes an answer of about 1 MiB. */
const pageBytesMax = 768 * 1024;

export interface ReadLogNeeds {
  readonly authenticate: Authenticate;
  readonly database: Database;
}

export function readLogRoute(app: Hono, { authenticate, database }: ReadLogNeeds): void {
  app.get(endpoints.readLog.path, (c) => {
    const { vaultNo } = authenticate(c);
    const afterSeq = parseAfter(c.req.queries());
    // The head is read first: a later head would promise entries that this answer does not know of.
    const { headSeq } = readHead(database.orm, vaultNo);
    const rows = readLogEntries(database.orm, vaultNo, afterSeq, headSeq, logEntriesMax, pageBytesMax);
    const entries = rows.map((row) => ({
      entry: toBase64(row.entry),
      signature: toBase64(row.signature),
      body: toBase64(row.body),
      receivedAt: new Date(row.receivedAt).toISOString(),
    }));
    return c.json({ headSeq, entries } satisfies ReadLogResponse);
  });
}

/** Only `?after=SEQ`, once and in its one spelling; nothing means 0. */
function parseAfter(queries: Record<string, string[]>): number {
  const { after = ['0'], ...unknown } = queries;
  const [text] = after;
  if (Object.keys(unknown).length > 0 || after.length !== 1 || !/^(?:0|[1-9][0-9]{0,14})$/.test(text ?? '')) {
    throw new ProtocolError('malformed', 'the query is after=SEQ and nothing else');
  }
  return Number(text);
}
