// Bearer sessions to callers. `Authorization` is the only carrier: no cookies, so no other site can ride on them.
import type { Context } from 'hono';
import { sha256 } from '../protocol/blob-id.js';
import { fromBase64 } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import type { Database } from './db/connection.js';
import { type Caller, findCaller, touchSession } from './db/sessions.js';

/** A session in use is renewed at least once a day, so that a nightly job never finds it expired. */
const renewAfterMaxMs = 24 * 60 * 60 * 1000;
/** Of uses closer together than this only the first is noted: most requests write nothing. */
const noteUseAfterMs = 60 * 60 * 1000;

/** Reads the caller of a request; throws ProtocolError `unauthenticated`. */
export type Authenticate = (c: Context) => Caller;

/** `sessionTtlMs`: how long a session lives after its last use. One that lives for hours is renewed within minutes. */
export function createAuthenticator(database: Database, now: () => number, sessionTtlMs: number): Authenticate {
  const renewAfterMs = Math.min(renewAfterMaxMs, sessionTtlMs / 10);
  return (c) => {
    const header = c.req.header('authorization') ?? '';
    const secretText = /^Bearer ([A-Za-z0-9_-]{43})$/.exec(header)?.[1];
    if (secretText === undefined) throw new ProtocolError('unauthenticated', 'log in first');
    const nowMs = now();
    const caller = findCaller(database.orm, sha256(fromBase64(secretText)), nowMs);
    if (caller === undefined) throw new ProtocolError('unauthenticated', 'the session has ended');
    const isToBeRenewed = caller.sessionExpiresAt - nowMs < sessionTtlMs - renewAfterMs;
    if (isToBeRenewed || nowMs - caller.sessionLastUsedAt > noteUseAfterMs) {
      const expiresAt = isToBeRenewed ? nowMs + sessionTtlMs : caller.sessionExpiresAt;
      touchSession(database.orm, caller.sessionId, { lastUsedAt: nowMs, expiresAt });
    }
    return caller;
  };
}
