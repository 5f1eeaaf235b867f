// putBlobs (docs/protocol.md): many blobs in one body, one pack, one transaction; sending the same again is harmless.
import type { Hono } from 'hono';
import { endpoints, grantHeader } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import type { PutBlobsResponse } from '../../protocol/messages.js';
import { type Authorize, ownerOf } from '../authorize.js';
import type { Database } from '../db/connection.js';
import type { GroupCommit } from '../group-commit.js';
import type { Guessing } from '../guessing.js';
import { PackWriter } from '../packs/pack-writer.js';
import { receiveUpload } from '../receive-upload.js';
import { recordUpload } from '../record-upload.js';
import type { SpendGrant } from '../spend-grant.js';
import type { WorkMeter } from '../work-meter.js';

export interface PutBlobsNeeds {
  readonly authorize: Authorize;
  readonly database: Database;
  readonly groups: GroupCommit;
  readonly dataDir: string;
  readonly spendGrant: SpendGrant;
  readonly guessing: Guessing;
  readonly meter: WorkMeter;
  readonly quotaBytes: number | null;
  readonly now: () => number;
}

export function putBlobsRoute(app: Hono, needs: PutBlobsNeeds): void {
  const { authorize, database, groups, dataDir, spendGrant, guessing, meter, quotaBytes, now } = needs;
  app.post(endpoints.putBlobs.path, async (c) => {
    const caller = authorize(c, 'push');
    const { accountNo } = caller;
    const owner = ownerOf(caller, quotaBytes);
    const grantId = c.req.header(grantHeader) ?? '';
    if (!/^[0-9a-f]{32}$/.test(grantId))
      throw new ProtocolError('grant-invalid', `header '${grantHeader}' names no grant`);
    // Spending nothing only asks whether the grant exists, before megabytes are taken in for it. Asking needs no transaction,
    // which would have to wait for whoever is writing.
    spendGrant(database.orm, { accountNo, grantId, cost: { bytes: 0, blobs: 0, ids: 0 }, nowMs: now() });
    const pack = await PackWriter.create(dataDir, (work) => meter.onDisk(work));
    let isPackUsed = false;
    try {
      const blobs = await receiveUpload(c, pack, meter);
      if (!pack.isEmpty) await pack.finish();
      const nowMs = now();
      const bytes = blobs.reduce((sum, blob) => sum + blob.lengthBytes, 0);
      const recorded = await groups.run((tx) => {
        spendGrant(tx, { accountNo, grantId, cost: { bytes, blobs: blobs.length, ids: 0 }, nowMs });
        const upload = { owner, packId: pack.packId, packBytes: pack.sizeBytes, blobs, nowMs };
        const result = recordUpload(tx, upload);
        guessing.answered(tx, accountNo, result.newlyOwned);
        return result;
      });
      isPackUsed = recorded.isPackUsed;
      const states = guessing.hidesUploads ? 's'.repeat(blobs.length) : recorded.states;
      return c.json({ states } satisfies PutBlobsResponse);
    } finally {
      if (!isPackUsed) await pack.abort();
    }
  });
}
