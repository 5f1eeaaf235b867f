// readLog (docs/protocol.md): the vault log from a place onwards, a page at a time.
import type { Hono } from 'hono';
import { toBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { logEntriesMax } from '../../protocol/limits.js';
import { decodeLogEntry } from '../../protocol/log-entry.js';
import type { ReadLogResponse } from '../../protocol/messages.js';
import { isWithinPrefix } from '../../protocol/name-path.js';
import type { Authorize } from '../authorize.js';
import type { Database } from '../db/connection.js';
import { readLogEntries } from '../db/log-entries.js';
import { readHead } from '../db/vaults.js';

/** As base64 this makes an answer of about 1 MiB. */
const pageBytesMax = 768 * 1024;

export interface ReadLogNeeds {
  readonly authorize: Authorize;
  readonly database: Database;
}

export function readLogRoute(app: Hono, { authorize, database }: ReadLogNeeds): void {
  app.get(endpoints.readLog.path, (c) => {
    const { vaultNo, token } = authorize(c, 'log');
    const prefixTags = token?.certificate.prefixTags ?? [];
    const afterSeq = parseAfter(c.req.queries());
    // The head is read first: a later head would promise entries that this answer does not know of.
    const { headSeq } = readHead(database.orm, vaultNo);
    const rows = readLogEntries(database.orm, vaultNo, afterSeq, headSeq, logEntriesMax, pageBytesMax);
    const entries = rows.map((row) => ({
      entry: toBase64(row.entry),
      signature: toBase64(row.signature),
      body: isReadable(row.entry, prefixTags) ? toBase64(row.body) : null,
      receivedAt: new Date(row.receivedAt).toISOString(),
    }));
    return c.json({ headSeq, entries } satisfies ReadLogResponse);
  });
}

/** A token that is kept to a prefix gets the whole chain, to check it, and of other names nothing that is sealed. */
function isReadable(entryBytes: Uint8Array, prefixTags: readonly Uint8Array[]): boolean {
  if (prefixTags.length === 0) return true;
  const { change } = decodeLogEntry(entryBytes);
  return change.op !== 'certify' && (change.op !== 'push' || isWithinPrefix(change.namePath, prefixTags));
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
