// getToken (docs/protocol.md): what a token may do, and its bundle, which only the token opens.
import type { Hono } from 'hono';
import { toBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import type { GetTokenResponse } from '../../protocol/messages.js';
import type { Authorize } from '../authorize.js';
import { tokenState } from '../token-state.js';

export function getTokenRoute(app: Hono, { authorize }: { authorize: Authorize }): void {
  app.get(endpoints.getToken.path, (c) => {
    const { token } = authorize(c, 'any');
    if (token === undefined) throw new ProtocolError('not-found', 'a session is no token');
    const { account, vaultId, bundle } = token;
    return c.json({ ...tokenState(token), account, vaultId, bundle: toBase64(bundle) } satisfies GetTokenResponse);
  });
}
