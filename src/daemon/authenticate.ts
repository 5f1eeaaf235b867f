// Bearer sessions to callers. `Authorization` is the only carrier: no cookies, so no other site can ride on them.
import type { Context } from 'hono';
import { sha256 } from '../protocol/blob-id.js';
import { fromBase64 } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import type { Database } from './db/connection.js';
import { type Caller, findCaller, renewSession } from './db/sessions.js';
import { sessionTtlMs } from './new-session.js';

/** A session in use is renewed once a day, so that a nightly job never finds it expired. */
const renewAfterMs = 24 * 60 * 60 * 1000;

/** Reads the caller of a request; throws ProtocolError `unauthenticated`. */
export type Authenticate = (c: Context) => Caller;

export function createAuthenticator(database: Database, now: () => number): Authenticate {
  return (c) => {
    const header = c.req.header('authorization') ?? '';
    const secretText = /^Bearer ([A-Za-z0-9_-]{43})$/.exec(header)?.[1];
    if (secretText === undefined) throw new ProtocolError('unauthenticated', 'log in first');
    const nowMs = now();
    const caller = findCaller(database.orm, sha256(fromBase64(secretText)), nowMs);
    if (caller === undefined) throw new ProtocolError('unauthenticated', 'the session has ended');
    if (caller.sessionExpiresAt - nowMs < sessionTtlMs - renewAfterMs) {
      renewSession(database.orm, caller.sessionId, nowMs + sessionTtlMs);
    }
    return caller;
  };
}
