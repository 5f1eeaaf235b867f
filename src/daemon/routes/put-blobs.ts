// putBlobs (docs/protocol.md): many blobs in one body, one pack, one transaction; sending the same again is harmless.
import type { Hono } from 'hono';
import { endpoints, grantHeader } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import type { PutBlobsResponse } from '../../protocol/messages.js';
import { type Authorize, ownerOf } from '../authorize.js';
import type { Database } from '../db/connection.js';
import { PackWriter } from '../packs/pack-writer.js';
import { receiveUpload } from '../receive-upload.js';
import { recordUpload } from '../record-upload.js';
import type { SpendGrant } from '../spend-grant.js';

export interface PutBlobsNeeds {
  readonly authorize: Authorize;
  readonly database: Database;
  readonly dataDir: string;
  readonly spendGrant: SpendGrant;
  readonly quotaBytes: number | null;
  readonly now: () => number;
}

export function putBlobsRoute(app: Hono, needs: PutBlobsNeeds): void {
  const { authorize, database, dataDir, spendGrant, quotaBytes, now } = needs;
  app.post(endpoints.putBlobs.path, async (c) => {
    const caller = authorize(c, 'push');
    const { accountNo } = caller;
    const owner = ownerOf(caller, quotaBytes);
    const grantId = c.req.header(grantHeader) ?? '';
    if (!/^[0-9a-f]{32}$/.test(grantId))
      throw new ProtocolError('grant-invalid', `header '${grantHeader}' names no grant`);
    // Spending nothing only asks whether the grant exists, before megabytes are taken in for it.
    database.transaction((tx) => {
      spendGrant(tx, { accountNo, grantId, cost: { bytes: 0, blobs: 0, ids: 0 }, nowMs: now() });
    });
    const pack = await PackWriter.create(dataDir);
    let isPackUsed = false;
    try {
      const blobs = await receiveUpload(c, pack);
      if (!pack.isEmpty) await pack.finish();
      const nowMs = now();
      const recorded = database.transaction((tx) => {
        const bytes = blobs.reduce((sum, blob) => sum + blob.lengthBytes, 0);
        spendGrant(tx, { accountNo, grantId, cost: { bytes, blobs: blobs.length, ids: 0 }, nowMs });
        const upload = { owner, packId: pack.packId, packBytes: pack.sizeBytes, blobs, nowMs };
        return recordUpload(tx, upload);
      });
      isPackUsed = recorded.isPackUsed;
      return c.json({ states: recorded.states } satisfies PutBlobsResponse);
    } finally {
      if (!isPackUsed) await pack.abort();
    }
  });
}
