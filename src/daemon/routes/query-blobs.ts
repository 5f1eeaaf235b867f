// queryBlobs (docs/protocol.md): which blobs does the vault own, which could it claim, which must it send?
import type { Hono } from 'hono';
import { splitBlobIds } from '../../protocol/blob-id.js';
import { fromBase64, fromHex, toBase64 } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { jsonBytesMax, queryIdsMax } from '../../protocol/limits.js';
import { parseQueryBlobsRequest, type QueryBlobsResponse } from '../../protocol/messages.js';
import type { Authorize, Caller } from '../authorize.js';
import { findBlobs } from '../db/blobs.js';
import type { Database, Queries } from '../db/connection.js';
import { renewOwnerships } from '../db/ownerships.js';
import type { Guessing } from '../guessing.js';
import { createPossessionNonce } from '../possession-nonce.js';
import { readJson } from '../request-body.js';
import type { SpendGrant } from '../spend-grant.js';
import type { WorkMeter } from '../work-meter.js';

/** Renewing more often than this would only write: garbage collection thinks in weeks. */
const renewalAgeMs = 24 * 60 * 60 * 1000;

export interface QueryBlobsNeeds {
  readonly authorize: Authorize;
  readonly database: Database;
  readonly spendGrant: SpendGrant;
  readonly guessing: Guessing;
  readonly meter: WorkMeter;
  readonly possessionKey: Uint8Array;
  readonly now: () => number;
}

export function queryBlobsRoute(app: Hono, needs: QueryBlobsNeeds): void {
  const { authorize, database, possessionKey, meter, now } = needs;
  app.post(endpoints.queryBlobs.path, async (c) => {
    const caller = authorize(c, 'push');
    const request = parseQueryBlobsRequest(await readJson(c, jsonBytesMax));
    const idRun = fromBase64(request.ids);
    const ids = splitBlobIds(idRun, queryIdsMax);
    const nowMs = now();
    const question = { ...request, ids, idRun, nowMs };
    const states = meter.onLoop(() => database.transaction((tx) => answer(tx, caller, question, needs)));
    const { nonce, expiresAtMs } = createPossessionNonce(possessionKey, fromHex(caller.vaultId), nowMs);
    const expiresAt = new Date(expiresAtMs).toISOString();
    return c.json({ states, nonce: toBase64(nonce), expiresAt } satisfies QueryBlobsResponse);
  });
}

interface Question {
  readonly grant: string;
  readonly ids: readonly Uint8Array[];
  readonly idRun: Uint8Array;
  readonly nowMs: number;
}

/** One letter an id. */
function answer(tx: Queries, caller: Caller, question: Question, { spendGrant, guessing }: QueryBlobsNeeds): string {
  const { grant, ids, idRun, nowMs } = question;
  const { ownerNo } = caller;
  spendGrant(tx, { accountNo: caller.accountNo, grantId: grant, cost: { bytes: 0, blobs: 0, ids: ids.length }, nowMs });
  const letters = new Array<'o' | 'c' | 'm'>(ids.length).fill('m');
  const ageing: number[] = [];
  // A damaged blob counts as missing for its owners too: whoever sends it again heals it for all.
  const sound = findBlobs(tx, ownerNo, idRun).filter((blob) => !blob.isDamaged);
  const foreign = sound.filter((blob) => blob.renewedAt === null);
  const shown = guessing.shown(
    tx,
    foreign.map(({ blobNo, index }) => ({ blobNo, id: ids[index] ?? new Uint8Array() })),
  );
  for (const { index, blobNo, renewedAt } of sound) {
    if (renewedAt !== null) letters[index] = 'o';
    else if (shown.has(blobNo)) letters[index] = 'c';
    if (renewedAt !== null && renewedAt < nowMs - renewalAgeMs) ageing.push(blobNo);
  }
  renewOwnerships(tx, ownerNo, ageing, nowMs);
  guessing.asked(tx, caller, letters.filter((letter) => letter !== 'o').length, nowMs);
  return letters.join('');
}
