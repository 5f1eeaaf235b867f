// One entry at the end of a vault log, in the caller's transaction (docs/protocol.md, "appendLog"): who may write it, whether
// it continues the chain, and what it changes besides the log.
import { sha256 } from '../protocol/blob-id.js';
import { equalBytes, fromBase64, fromHex, toHex } from '../protocol/bytes.js';
import type { Certificate } from '../protocol/certificate.js';
import { ProtocolError } from '../protocol/errors.js';
import { decodeLogEntry, hashLogEntry, isLogEntrySigned, type LogEntry } from '../protocol/log-entry.js';
import { checkMayWrite } from '../protocol/log-rules.js';
import type { AppendLogRequest } from '../protocol/messages.js';
import { nameTagOf } from '../protocol/name-path.js';
import { type Caller, ownerOf } from './authorize.js';
import { endAllCertificates, endCertificates, findCertificate, insertAuthor } from './db/authors.js';
import { findBlobs, isDamagedBelow } from './db/blobs.js';
import type { Queries } from './db/connection.js';
import { countPushes, findLogEntry, freeRoot, insertLogEntry } from './db/log-entries.js';
import { addOwnerships, findUnownedBelow } from './db/ownerships.js';
import { deleteSessionsOf } from './db/sessions.js';
import { insertToken, revokeTokens } from './db/tokens.js';
import { findIdentity, insertTokenVault, moveHead, readHead } from './db/vaults.js';

/** An entry whose form, body and signature are right. */
export interface SignedEntry {
  readonly entry: LogEntry;
  readonly entryBytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly body: Uint8Array;
}

/** Throws ProtocolError `malformed`, `forbidden` for another vault's entry, `signature-invalid`. */
export function readSignedEntry(request: AppendLogRequest, vaultId: string): SignedEntry {
  const entryBytes = fromBase64(request.entry);
  const signature = fromBase64(request.signature);
  const body = fromBase64(request.body);
  const entry = decodeLogEntry(entryBytes);
  if (!equalBytes(entry.vaultId, fromHex(vaultId))) {
    throw new ProtocolError('forbidden', 'the entry is for another vault');
  }
  const { op } = entry.change;
  if (op !== 'push' && op !== 'certify' && body.length > 0) {
    throw new ProtocolError('malformed', 'this kind of entry has no body');
  }
  if (!equalBytes(sha256(body), entry.bodyHash)) throw new ProtocolError('malformed', 'the entry has another body');
  if (!isLogEntrySigned(entry.author, entryBytes, signature)) {
    throw new ProtocolError('signature-invalid', 'the author did not sign this entry');
  }
  return { entry, entryBytes, signature, body };
}

export interface Appending {
  readonly caller: Caller;
  readonly signed: SignedEntry;
  /** Of an entry that certifies a token. */
  readonly token: AppendLogRequest['token'];
  readonly quotaBytes: number | null;
  readonly nowMs: number;
}

export interface Appended {
  readonly receivedAt: number;
  /** Of a push. */
  readonly version: number | undefined;
}

/** The very entry that is the head already counts as appended: a lost answer does no harm. */
export function appendEntry(tx: Queries, appending: Appending): Appended {
  const { caller, signed, nowMs } = appending;
  const { vaultNo } = caller;
  const { entry, entryBytes, signature, body } = signed;
  const { change } = entry;
  const head = readHead(tx, vaultNo);
  const last = head.headSeq === 0 ? undefined : findLogEntry(tx, vaultNo, head.headSeq);
  const headHash = hashLogEntry(entryBytes, signature);
  // Clocks go backwards; the log does not.
  const receivedAt = Math.max(nowMs, last?.receivedAt ?? 0);
  const nameTag = change.op === 'push' ? nameTagOf(change.namePath) : null;
  const versionOf = () => (nameTag === null ? undefined : countPushes(tx, vaultNo, nameTag, entry.seq));
  if (last !== undefined && entry.seq === head.headSeq && equalBytes(head.headHash, headHash)) {
    return { receivedAt: last.receivedAt, version: versionOf() };
  }
  checkAuthor(tx, caller, entry, receivedAt);
  if (entry.seq !== head.headSeq + 1 || !equalBytes(entry.previousHash, head.headHash)) {
    throw new ProtocolError('conflict', 'the log has moved on');
  }
  const rootBlobNo = change.op === 'push' ? takeRoot(tx, appending, change.root) : null;
  const row = { seq: entry.seq, entry: entryBytes, signature, body, rootBlobNo, nameTag, receivedAt };
  insertLogEntry(tx, vaultNo, row);
  moveHead(tx, vaultNo, { headSeq: entry.seq, headHash });
  if (change.op === 'delete') freeRoot(tx, vaultNo, change.targetSeq);
  if (change.op === 'certify') certify(tx, appending, change.certificate);
  if (change.op === 'rotate') endAllCertificates(tx, vaultNo, entry.seq);
  if (change.op === 'revoke') revoke(tx, caller, change.targetSeqs, entry.seq);
  return { receivedAt, version: versionOf() };
}

function checkAuthor(tx: Queries, caller: Caller, entry: LogEntry, receivedAtMs: number): void {
  const { vaultNo, entityId, token } = caller;
  const { change } = entry;
  const isWritten = change.op === 'push' || change.op === 'delete';
  if (!isWritten && token !== undefined) {
    throw new ProtocolError('token-account-refused', 'a token cannot certify, revoke or rotate');
  }
  const certificate = isWritten ? findCertificate(tx, vaultNo, entry.author) : undefined;
  if (certificate !== undefined && toHex(certificate.id) !== entityId) {
    throw new ProtocolError('author-refused', 'the entry is signed by another session or token');
  }
  const target = change.op === 'delete' ? findLogEntry(tx, vaultNo, change.targetSeq) : undefined;
  const targetChange = target?.rootBlobNo == null ? undefined : decodeLogEntry(target.entry).change;
  checkMayWrite(entry, {
    identityPublicKey: findIdentity(tx, vaultNo),
    certificate,
    targetPath: targetChange?.op === 'push' ? targetChange.namePath : undefined,
    receivedAtMs,
  });
}

/**
 * A node is only ever owned with all its children: who owns the root owns the snapshot, unless some of it is damaged since.
 * What a token stored for itself becomes the vault's here, when there is a snapshot of it.
 */
function takeRoot(tx: Queries, { caller, quotaBytes, nowMs }: Appending, root: Uint8Array): number {
  const { vaultNo, ownerNo } = caller;
  const place = findBlobs(tx, ownerNo, root)[0];
  if (place === undefined || place.renewedAt === null || place.isDamaged) {
    throw new ProtocolError('root-missing', 'the vault does not own the root of the snapshot');
  }
  if (isDamagedBelow(tx, ownerNo, place.blobNo)) {
    throw new ProtocolError('children-missing', 'something that the snapshot refers to is damaged: send it again');
  }
  if (ownerNo !== vaultNo) {
    const vault = { ...ownerOf(caller, quotaBytes), vaultNo, token: undefined };
    addOwnerships(tx, vault, findUnownedBelow(tx, vaultNo, place.blobNo), nowMs);
  }
  return place.blobNo;
}

function certify(tx: Queries, { caller, signed, token, nowMs }: Appending, certificate: Certificate): void {
  const { vaultNo, accountNo, entityId } = caller;
  const { seq } = signed.entry;
  if (!insertAuthor(tx, vaultNo, seq, certificate)) {
    throw new ProtocolError('author-refused', 'this key has had a certificate');
  }
  if (certificate.kind === 'session') {
    if (token !== undefined) throw new ProtocolError('malformed', 'a session has no bundle');
    if (toHex(certificate.id) !== entityId) {
      throw new ProtocolError('author-refused', 'a session can be certified by itself alone');
    }
    return;
  }
  if (token === undefined) throw new ProtocolError('malformed', 'a token comes with its bundle');
  insertToken(tx, {
    tokenId: toHex(certificate.id),
    accountNo,
    vaultNo,
    ownerNo: certificate.isPushOnly ? insertTokenVault(tx, vaultNo, nowMs) : vaultNo,
    certificateSeq: seq,
    secretHash: fromBase64(token.secretHash),
    bundle: fromBase64(token.bundle),
    createdAt: nowMs,
  });
}

function revoke(tx: Queries, { vaultNo, accountNo }: Caller, targetSeqs: readonly number[], seq: number): void {
  const entityIds = endCertificates(tx, vaultNo, targetSeqs, seq);
  if (entityIds === undefined) {
    throw new ProtocolError('not-found', 'there is no certificate at that place, or it has ended already');
  }
  revokeTokens(tx, vaultNo, entityIds);
  deleteSessionsOf(tx, accountNo, entityIds);
}
