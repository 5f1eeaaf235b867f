// What the caller of a request may do (docs/protocol.md, "Tokens"): a session everything that its account may, a token what
// its certificate says.
import type { Context } from 'hono';
import { sha256 } from '../protocol/blob-id.js';
import { fromBase64 } from '../protocol/bytes.js';
import type { Certificate, Scope } from '../protocol/certificate.js';
import { type ErrorCode, ProtocolError } from '../protocol/errors.js';
import { type Authenticate, bearerSecretOf } from './authenticate.js';
import type { Database } from './db/connection.js';
import type { Owner } from './db/ownerships.js';
import { findToken, type StoredToken, touchToken } from './db/tokens.js';

/** What a request needs: a scope, any scope that reads the log, or just a caller who is known. */
export type Need = Scope | 'log' | 'any';

export interface Caller {
  readonly accountNo: number;
  readonly accountId: string;
  /** Whose log this caller writes. */
  readonly vaultNo: number;
  /** 32 hex digits. */
  readonly vaultId: string;
  /** Whose blobs this caller asks for and stores: of a token that can only push its own alone. */
  readonly ownerNo: number;
  readonly token: StoredToken | undefined;
  /** 32 hex digits: of the session or token. */
  readonly entityId: string;
}

/** Reads the caller of a request; throws ProtocolError `unauthenticated`, `token-expired`, `token-revoked` or one of `token-…-refused`. */
export type Authorize = (c: Context, need: Need) => Caller;

/** Writing it down more often than this would only write. */
const touchAfterMs = 60 * 60 * 1000;

const refusals: Readonly<Record<Need, { code: ErrorCode; doing: string }>> = {
  push: { code: 'token-push-refused', doing: 'push' },
  pull: { code: 'token-pull-refused', doing: 'read content' },
  list: { code: 'token-list-refused', doing: 'list' },
  log: { code: 'token-list-refused', doing: 'read the vault log' },
  forget: { code: 'token-delete-refused', doing: 'delete' },
  any: { code: 'token-list-refused', doing: 'do this' },
};

function isAllowed({ scopes, isPushOnly }: Certificate, need: Need): boolean {
  if (need === 'any') return true;
  return need === 'log' ? !isPushOnly : scopes.includes(need);
}

export function createAuthorizer(database: Database, authenticate: Authenticate, now: () => number): Authorize {
  return (c, need) => {
    const secret = bearerSecretOf(c);
    const token = secret === undefined ? undefined : findToken(database.orm, sha256(fromBase64(secret)));
    if (token === undefined) {
      const session = authenticate(c);
      return { ...session, ownerNo: session.vaultNo, token: undefined, entityId: session.sessionId };
    }
    const { certificate } = token;
    if (token.revoked) throw new ProtocolError('token-revoked', 'the token has been revoked');
    const nowMs = now();
    if (certificate.expiresAtMs > 0 && nowMs >= certificate.expiresAtMs) {
      throw new ProtocolError('token-expired', 'the token has expired');
    }
    if (!isAllowed(certificate, need)) {
      const { code, doing } = refusals[need];
      throw new ProtocolError(code, `this token may not ${doing}`);
    }
    if (nowMs - (token.lastUsedAt ?? 0) > touchAfterMs) touchToken(database.orm, token.tokenId, nowMs);
    return { ...token, token, entityId: token.tokenId };
  };
}

/** For whom the caller stores. `quotaBytes` is that of the vault. */
export function ownerOf({ ownerNo, token }: Caller, quotaBytes: number | null): Owner {
  return {
    vaultNo: ownerNo,
    quotaBytes,
    token: token && { tokenId: token.tokenId, quotaBytes: token.certificate.quotaBytes },
  };
}
