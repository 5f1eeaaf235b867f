// A new bearer session: the secret goes to the client once, the daemon keeps its hash.
import { randomBytes } from 'node:crypto';
import { sha256 } from '../protocol/blob-id.js';
import { toBase64, toHex } from '../protocol/bytes.js';
import type { Session } from '../protocol/messages.js';
import type { NewSession } from './db/sessions.js';

/** A session ends this long after its last use, unless the operator says otherwise. */
export const sessionTtlDefaultMs = 90 * 24 * 60 * 60 * 1000;

export function createSessionSecret(
  label: string,
  nowMs: number,
  ttlMs: number,
): { row: Omit<NewSession, 'accountNo'>; answer: Session } {
  const secret = randomBytes(32);
  const sessionId = toHex(randomBytes(16));
  const expiresAt = nowMs + ttlMs;
  return {
    row: { sessionId, secretHash: sha256(secret), label, createdAt: nowMs, expiresAt },
    answer: { id: sessionId, secret: toBase64(secret), expiresAt: new Date(expiresAt).toISOString() },
  };
}
