// Bearer sessions to callers. `Authorization` is the only carrier: no cookies, so no other site can ride on them.
import type { Context } from 'hono';
import { sha256 } from '../protocol/blob-id.js';
import { fromBase64 } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import type { Database } from './db/connection.js';
import { findCaller, type SessionCaller, touchSession } from './db/sessions.js';
import { findToken } from './db/tokens.js';

/** A session in use is renewed at least once a day, so that a nightly job never finds it expired. */
const renewAfterMaxMs = 24 * 60 * 60 * 1000;
/** Of uses closer together than this only the first is noted: most requests write nothing. */
const noteUseAfterMs = 60 * 60 * 1000;

/** The bearer secret of a request, 43 characters of base64; undefined where there is none. */
export function bearerSecretOf(c: Context): string | undefined {
  return /^Bearer ([A-Za-z0-9_-]{43})$/.exec(c.req.header('authorization') ?? '')?.[1];
}

/** Reads the session of a request; throws ProtocolError `unauthenticated`, and `token-account-refused` for a token. */
export type Authenticate = (c: Context) => SessionCaller;

/** `sessionTtlMs`: how long a session lives after its last use. One that lives for hours is renewed within minutes. */
export function createAuthenticator(database: Database, now: () => number, sessionTtlMs: number): Authenticate {
  const renewAfterMs = Math.min(renewAfterMaxMs, sessionTtlMs / 10);
  return (c) => {
    const secretText = bearerSecretOf(c);
    if (secretText === undefined) throw new ProtocolError('unauthenticated', 'log in first');
    const nowMs = now();
    const secretHash = sha256(fromBase64(secretText));
    const caller = findCaller(database.orm, secretHash, nowMs);
    if (caller === undefined && findToken(database.orm, secretHash) !== undefined) {
      throw new ProtocolError('token-account-refused', 'a token cannot act for its account: this needs a login');
    }
    if (caller === undefined) throw new ProtocolError('unauthenticated', 'the session has ended');
    const isToBeRenewed = caller.sessionExpiresAt - nowMs < sessionTtlMs - renewAfterMs;
    if (isToBeRenewed || nowMs - caller.sessionLastUsedAt > noteUseAfterMs) {
      const expiresAt = isToBeRenewed ? nowMs + sessionTtlMs : caller.sessionExpiresAt;
      touchSession(database.orm, caller.sessionId, { lastUsedAt: nowMs, expiresAt });
    }
    return caller;
  };
}
