// Bearer sessions to callers. `Authorization` is the only carrier: no cookies, so no other site can ride on them.
import type { Context } from 'hono';
import { sha256 } from '../protocol/blob-id.js';
import { fromBase64 } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import type { Database } from './db/connection.js';
import { type Caller, findCaller } from './db/sessions.js';

/** Reads the caller of a request; throws ProtocolError `unauthenticated`. */
export type Authenticate = (c: Context) => Caller;

export function createAuthenticator(database: Database, now: () => number): Authenticate {
  return (c) => {
    const header = c.req.header('authorization') ?? '';
    const secretText = /^Bearer ([A-Za-z0-9_-]{43})$/.exec(header)?.[1];
    if (secretText === undefined) throw new ProtocolError('unauthenticated', 'log in first');
    const caller = findCaller(database.orm, sha256(fromBase64(secretText)), now());
    if (caller === undefined) throw new ProtocolError('unauthenticated', 'the session has ended');
    return caller;
  };
}
