// appendLog (docs/protocol.md): one entry at the end of the vault log, by compare-and-swap on its head.
import type { Hono } from 'hono';
import { sha256 } from '../../protocol/blob-id.js';
import { equalBytes, fromBase64, fromHex } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import { jsonBytesMax } from '../../protocol/limits.js';
import { decodeLogEntry, hashLogEntry, isLogEntrySigned, type LogEntry } from '../../protocol/log-entry.js';
import { type AppendLogResponse, parseAppendLogRequest } from '../../protocol/messages.js';
import type { Authenticate } from '../authenticate.js';
import { findBlobs, isDamagedBelow } from '../db/blobs.js';
import type { Database, Queries } from '../db/connection.js';
import { findLogEntry, freeRoot, insertLogEntry } from '../db/log-entries.js';
import { isMemberKey, moveHead, readHead } from '../db/vaults.js';
import { readJson } from '../request-body.js';

export interface AppendLogNeeds {
  readonly authenticate: Authenticate;
  readonly database: Database;
  readonly now: () => number;
}

export function appendLogRoute(app: Hono, { authenticate, database, now }: AppendLogNeeds): void {
  app.post(endpoints.appendLog.path, async (c) => {
    const caller = authenticate(c);
    const request = parseAppendLogRequest(await readJson(c, jsonBytesMax));
    const entryBytes = fromBase64(request.entry);
    const signature = fromBase64(request.signature);
    const body = fromBase64(request.body);
    const entry = decodeLogEntry(entryBytes);
    if (!equalBytes(entry.vaultId, fromHex(caller.vaultId))) {
      throw new ProtocolError('forbidden', 'the entry is for another vault');
    }
    checkBody(entry, body);
    if (!isLogEntrySigned(entry.author, entryBytes, signature)) {
      throw new ProtocolError('signature-invalid', 'the author did not sign this entry');
    }
    const appending = { vaultNo: caller.vaultNo, entry, entryBytes, signature, body, nowMs: now() };
    const receivedAt = database.transaction((tx) => appendEntry(tx, appending));
    return c.json({ seq: entry.seq, receivedAt: new Date(receivedAt).toISOString() } satisfies AppendLogResponse);
  });
}

function checkBody(entry: LogEntry, body: Uint8Array): void {
  if (entry.op === 'delete' && body.length > 0) throw new ProtocolError('malformed', 'a deletion has no body');
  if (!equalBytes(sha256(body), entry.bodyHash)) throw new ProtocolError('malformed', 'the entry has another body');
}

interface Appending {
  readonly vaultNo: number;
  readonly entry: LogEntry;
  readonly entryBytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly body: Uint8Array;
  readonly nowMs: number;
}

/** Returns the time of the entry in the log. The very entry that is the head already counts as appended. */
function appendEntry(tx: Queries, appending: Appending): number {
  const { vaultNo, entry, entryBytes, signature, body, nowMs } = appending;
  if (!isMemberKey(tx, vaultNo, entry.author))
    throw new ProtocolError('forbidden', 'the author is no member of the vault');
  const head = readHead(tx, vaultNo);
  const last = head.headSeq === 0 ? undefined : findLogEntry(tx, vaultNo, head.headSeq);
  const headHash = hashLogEntry(entryBytes, signature);
  if (last !== undefined && entry.seq === head.headSeq && equalBytes(head.headHash, headHash)) return last.receivedAt;
  if (entry.seq !== head.headSeq + 1 || !equalBytes(entry.previousHash, head.headHash)) {
    throw new ProtocolError('conflict', 'the log has moved on');
  }
  const rootBlobNo = entry.op === 'push' ? findRoot(tx, vaultNo, entry.root) : null;
  if (entry.op === 'delete') deleteTarget(tx, vaultNo, entry);
  // Clocks go backwards; the log does not.
  const receivedAt = Math.max(nowMs, last?.receivedAt ?? 0);
  insertLogEntry(tx, vaultNo, { seq: entry.seq, entry: entryBytes, signature, body, rootBlobNo, receivedAt });
  moveHead(tx, vaultNo, { headSeq: entry.seq, headHash });
  return receivedAt;
}

/** A node is only ever owned with all its children: who owns the root owns the snapshot, unless some of it is damaged since. */
function findRoot(tx: Queries, vaultNo: number, root: Uint8Array): number {
  const place = findBlobs(tx, vaultNo, root)[0];
  if (place === undefined || place.renewedAt === null || place.isDamaged) {
    throw new ProtocolError('root-missing', 'the vault does not own the root of the snapshot');
  }
  if (isDamagedBelow(tx, vaultNo, place.blobNo)) {
    throw new ProtocolError('children-missing', 'something that the snapshot refers to is damaged: send it again');
  }
  return place.blobNo;
}

function deleteTarget(tx: Queries, vaultNo: number, entry: LogEntry): void {
  const target = findLogEntry(tx, vaultNo, entry.targetSeq);
  if (
    target === undefined ||
    target.rootBlobNo === null ||
    !equalBytes(decodeLogEntry(target.entry).nameTag, entry.nameTag)
  ) {
    throw new ProtocolError('not-found', 'no live snapshot of this name is at that place of the log');
  }
  freeRoot(tx, vaultNo, entry.targetSeq);
}
