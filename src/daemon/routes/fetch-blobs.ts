// fetchBlobs (docs/protocol.md): many blobs in one answer, streamed in the order asked.
import type { Hono } from 'hono';
import { countBlobIds } from '../../protocol/blob-id.js';
import { fromBase64 } from '../../protocol/bytes.js';
import { blobStreamType, endpoints } from '../../protocol/endpoints.js';
import { jsonBytesMax, queryIdsMax } from '../../protocol/limits.js';
import { parseFetchBlobsRequest } from '../../protocol/messages.js';
import type { Authorize } from '../authorize.js';
import type { Database } from '../db/connection.js';
import type { PackReader } from '../packs/pack-reader.js';
import { streamBlobs } from '../read-blobs.js';
import { readJson } from '../request-body.js';

export interface FetchBlobsNeeds {
  readonly authorize: Authorize;
  readonly database: Database;
  readonly packReader: PackReader;
}

export function fetchBlobsRoute(app: Hono, needs: FetchBlobsNeeds): void {
  app.post(endpoints.fetchBlobs.path, async (c) => {
    const { vaultNo } = needs.authorize(c, 'pull');
    const idRun = fromBase64(parseFetchBlobsRequest(await readJson(c, jsonBytesMax)).ids);
    countBlobIds(idRun, queryIdsMax);
    const blobs = streamBlobs(needs, vaultNo, idRun);
    // A high-water mark of 0 reads ahead of the network by nothing: memory holds one read.
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const next = await blobs.next();
          if (next.done === true) controller.close();
          else controller.enqueue(next.value);
        },
        async cancel() {
          await blobs.return();
        },
      },
      { highWaterMark: 0 },
    );
    return c.body(body, 200, { 'content-type': blobStreamType });
  });
}
