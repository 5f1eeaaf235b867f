// getBlob (docs/protocol.md): one blob, re-hashed before it is sent. "Absent" and "not yours" look alike.
import type { Hono } from 'hono';
import { blobIdToBytes, parseBlobId, sha256 } from '../../protocol/blob-id.js';
import { equalBytes } from '../../protocol/bytes.js';
import { endpoints } from '../../protocol/endpoints.js';
import { ProtocolError } from '../../protocol/errors.js';
import type { Authorize } from '../authorize.js';
import { findBlobs, markDamaged } from '../db/blobs.js';
import type { Database } from '../db/connection.js';
import type { PackReader } from '../packs/pack-reader.js';

export interface GetBlobNeeds {
  readonly authorize: Authorize;
  readonly database: Database;
  readonly packReader: PackReader;
}

export function getBlobRoute(app: Hono, { authorize, database, packReader }: GetBlobNeeds): void {
  app.get(endpoints.getBlob.path, async (c) => {
    const { vaultNo } = authorize(c, 'pull');
    const id = blobIdToBytes(parseBlobId(c.req.param('id')));
    const absent = new ProtocolError('not-found', 'the vault owns no such blob');
    const place = findBlobs(database.orm, vaultNo, id)[0];
    if (place === undefined || place.renewedAt === null || place.isDamaged) throw absent;
    const blob = await packReader.readRange(place.packId, place.offsetBytes, place.lengthBytes);
    // A client that received a damaged blob in a batch asks for it here: that is how the daemon learns of the damage.
    if (blob === undefined || !equalBytes(sha256(blob), id)) {
      database.transaction((tx) => {
        markDamaged(tx, place.packId, [place.blobNo]);
      });
      throw absent;
    }
    return c.body(new Uint8Array(blob), 200, { 'content-type': 'application/octet-stream' });
  });
}
