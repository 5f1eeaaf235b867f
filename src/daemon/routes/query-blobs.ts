// queryBlobs (docs/protocol.md): which blobs does the vault own, which could it claim, which must it send?
import type { Hono } from 'hono';
import { countBlobIds } from '../../protocol/blob-id.js';
import { fromBase64, fromHex, toBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { blobIdBytes, jsonBytesMax, queryIdsMax } from '../../protocol/limits.js';
import { parseQueryBlobsRequest, type QueryBlobsResponse } from '../../protocol/messages.js';
import type { Authorize, Caller } from '../authorize.js';
import { findSoundBlobs } from '../db/blobs.js';
import type { Queries } from '../db/connection.js';
import { renewOwnerships } from '../db/ownerships.js';
import type { GroupCommit } from '../group-commit.js';
import type { Guessing } from '../guessing.js';
import { createPossessionNonce } from '../possession-nonce.js';
import { readJson } from '../request-body.js';
import type { SpendGrant } from '../spend-grant.js';

/** Renewing more often than this would only write: garbage collection thinks in weeks. */
const renewalAgeMs = 24 * 60 * 60 * 1000;

const [letterOwned, letterClaimable] = [0x6f, 0x63];

export interface QueryBlobsNeeds {
  readonly authorize: Authorize;
  readonly groups: GroupCommit;
  readonly spendGrant: SpendGrant;
  readonly guessing: Guessing;
  readonly possessionKey: Uint8Array;
  readonly now: () => number;
}

export function queryBlobsRoute(app: Hono, needs: QueryBlobsNeeds): void {
  const { authorize, groups, possessionKey, now } = needs;
  app.post(endpoints.queryBlobs.path, async (c) => {
    const caller = authorize(c, 'push');
    const request = parseQueryBlobsRequest(await readJson(c, jsonBytesMax));
    const idRun = fromBase64(request.ids);
    const idCount = countBlobIds(idRun, queryIdsMax);
    const nowMs = now();
    const question = { grant: request.grant, idRun, idCount, nowMs };
    const states = await groups.run((tx) => answer(tx, caller, question, needs));
    const { nonce, expiresAtMs } = createPossessionNonce(possessionKey, fromHex(caller.vaultId), nowMs);
    const expiresAt = new Date(expiresAtMs).toISOString();
    return c.json({ states, nonce: toBase64(nonce), expiresAt } satisfies QueryBlobsResponse);
  });
}

interface Question {
  readonly grant: string;
  readonly idRun: Uint8Array;
  readonly idCount: number;
  readonly nowMs: number;
}

/** One letter an id. */
function answer(tx: Queries, caller: Caller, question: Question, { spendGrant, guessing }: QueryBlobsNeeds): string {
  const { grant, idRun, idCount, nowMs } = question;
  const { accountNo, ownerNo } = caller;
  spendGrant(tx, { accountNo, grantId: grant, cost: { bytes: 0, blobs: 0, ids: idCount }, nowMs });
  const letters = Buffer.alloc(idCount, 'm');
  const ageing: number[] = [];
  let owned = 0;
  // A damaged blob counts as missing for its owners too: whoever sends it again heals it for all.
  const sound = findSoundBlobs(tx, ownerNo, idRun);
  const hidden = guessing.hidden(tx, () =>
    sound
      .filter(({ renewedAt }) => renewedAt === null)
      .map(({ blobNo, index }) => ({ blobNo, id: idRun.subarray(index * blobIdBytes, (index + 1) * blobIdBytes) })),
  );
  for (const { index, blobNo, renewedAt } of sound) {
    if (renewedAt !== null) {
      owned += 1;
      letters[index] = letterOwned;
      if (renewedAt < nowMs - renewalAgeMs) ageing.push(blobNo);
    } else if (!hidden.has(blobNo)) letters[index] = letterClaimable;
  }
  renewOwnerships(tx, ownerNo, ageing, nowMs);
  guessing.asked(tx, caller, idCount - owned, nowMs);
  return letters.toString('latin1');
}
