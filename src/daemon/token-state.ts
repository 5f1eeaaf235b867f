// A token as answers describe it (docs/protocol.md, "Tokens").
import type { GetTokenResponse } from '../protocol/messages.js';
import type { StoredToken } from './db/tokens.js';

type TokenState = Omit<GetTokenResponse, 'account' | 'vaultId' | 'bundle'>;

export function tokenState({ tokenId, certificate, createdAt, usedBytes }: StoredToken): TokenState {
  const { scopes, isPushOnly, expiresAtMs, quotaBytes } = certificate;
  return {
    id: tokenId,
    scopes: [...scopes],
    isPushOnly,
    createdAt: new Date(createdAt).toISOString(),
    expiresAt: expiresAtMs === 0 ? null : new Date(expiresAtMs).toISOString(),
    quotaBytes: quotaBytes === 0 ? null : quotaBytes,
    usedBytes,
  };
}
