// queryBlobs (docs/protocol.md): which blobs does the vault own, which could it claim, which must it send?
import type { Hono } from 'hono';
import { splitBlobIds } from '../../protocol/blob-id.js';
import { fromBase64, fromHex, toBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { jsonBytesMax, queryIdsMax } from '../../protocol/limits.js';
import { parseQueryBlobsRequest, type QueryBlobsResponse } from '../../protocol/messages.js';
import type { Authorize } from '../authorize.js';
import { findBlobs } from '../db/blobs.js';
import type { Database } from '../db/connection.js';
import { renewOwnerships } from '../db/ownerships.js';
import { createPossessionNonce } from '../possession-nonce.js';
import { readJson } from '../request-body.js';
import type { SpendGrant } from '../spend-grant.js';

/** Renewing more often than this would only write: garbage collection thinks in weeks. */
const renewalAgeMs = 24 * 60 * 60 * 1000;

export interface QueryBlobsNeeds {
  readonly authorize: Authorize;
  readonly database: Database;
  readonly spendGrant: SpendGrant;
  readonly possessionKey: Uint8Array;
  readonly now: () => number;
}

export function queryBlobsRoute(app: Hono, needs: QueryBlobsNeeds): void {
  const { authorize, database, spendGrant, possessionKey, now } = needs;
  app.post(endpoints.queryBlobs.path, async (c) => {
    const caller = authorize(c, 'push');
    const request = parseQueryBlobsRequest(await readJson(c, jsonBytesMax));
    const idRun = fromBase64(request.ids);
    const count = splitBlobIds(idRun, queryIdsMax).length;
    const nowMs = now();
    const states = database.transaction((tx) => {
      const cost = { bytes: 0, blobs: 0, ids: count };
      spendGrant(tx, { accountNo: caller.accountNo, grantId: request.grant, cost, nowMs });
      const letters = new Array<'o' | 'c' | 'm'>(count).fill('m');
      const ageing: number[] = [];
      for (const blob of findBlobs(tx, caller.ownerNo, idRun)) {
        // A damaged blob counts as missing for its owners too: whoever sends it again heals it for all.
        if (blob.isDamaged) continue;
        letters[blob.index] = blob.renewedAt === null ? 'c' : 'o';
        if (blob.renewedAt !== null && blob.renewedAt < nowMs - renewalAgeMs) ageing.push(blob.blobNo);
      }
      renewOwnerships(tx, caller.ownerNo, ageing, nowMs);
      return letters.join('');
    });
    const { nonce, expiresAtMs } = createPossessionNonce(possessionKey, fromHex(caller.vaultId), nowMs);
    const expiresAt = new Date(expiresAtMs).toISOString();
    return c.json({ states, nonce: toBase64(nonce), expiresAt } satisfies QueryBlobsResponse);
  });
}
