// Who may write what into a vault log (docs/format.md, "Who may write"). The daemon asks before it appends and every reader
// asks again: a daemon that lets somebody in whom nobody certified is found out.
import { equalBytes } from './bytes.js';
import type { Certificate } from './certificate.js';
import { ProtocolError } from './errors.js';
import type { LogEntry } from './log-entry.js';
import { isRotationAgreed } from './log-entry.js';
import { isWithinPrefix } from './name-path.js';

/** What is known of an entry's author when the entry arrives. */
export interface AuthorStanding {
  /** Ed25519 public key of the identity at this place of the log. */
  readonly identityPublicKey: Uint8Array;
  /** Of the author, where the identity has certified it and has not taken that back. */
  readonly certificate: Certificate | undefined;
  /** Of a deletion: the path of the push that it deletes, where that is live. */
  readonly targetPath: Uint8Array | undefined;
  /** When the daemon received the entry. */
  readonly receivedAtMs: number;
}

/**
 * Throws ProtocolError: `author-refused` where nobody let the author write, `token-expired`, `token-push-refused`,
 * `token-delete-refused` and `token-name-refused` where its certificate does not allow this, `not-found` for a deletion of
 * nothing, `signature-invalid` for a rotation that the new identity did not agree to.
 */
export function checkMayWrite(entry: LogEntry, standing: AuthorStanding): void {
  const { change } = entry;
  if (change.op === 'push' || change.op === 'delete') {
    checkCertified(change, standing);
    return;
  }
  if (!equalBytes(entry.author, standing.identityPublicKey)) {
    throw new ProtocolError('author-refused', 'only the identity of the account certifies, revokes and rotates');
  }
  if (change.op === 'rotate' && !isRotationAgreed({ ...entry, ...change }, change.consent)) {
    throw new ProtocolError('signature-invalid', 'the new identity did not agree to the rotation');
  }
}

type Written = Extract<LogEntry['change'], { op: 'push' | 'delete' }>;

function checkCertified(change: Written, { certificate, targetPath, receivedAtMs }: AuthorStanding): void {
  if (certificate === undefined) throw new ProtocolError('author-refused', 'the author is not certified, or no longer');
  if (certificate.expiresAtMs > 0 && receivedAtMs >= certificate.expiresAtMs) {
    throw new ProtocolError('token-expired', 'the token has expired');
  }
  if (change.op === 'push') {
    if (!certificate.scopes.includes('push')) {
      throw new ProtocolError('token-push-refused', 'this token may not push');
    }
    checkPrefix(change.namePath, certificate);
    return;
  }
  if (!certificate.scopes.includes('forget')) {
    throw new ProtocolError('token-delete-refused', 'this token may not delete');
  }
  if (targetPath === undefined) {
    throw new ProtocolError('not-found', 'no live snapshot is at that place of the log');
  }
  checkPrefix(targetPath, certificate);
}

function checkPrefix(path: Uint8Array, { prefixTags }: Certificate): void {
  if (!isWithinPrefix(path, prefixTags)) {
    throw new ProtocolError('token-name-refused', 'the name is outside the prefix of this token');
  }
}
