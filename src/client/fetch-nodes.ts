// Node blobs of a manifest from the daemon.
import { sha256 } from '../protocol/blob-id.js';
import { equalBytes } from '../protocol/bytes.js';
import type { DaemonApi } from './daemon-api.js';
import type { FetchNodes } from './manifest-reader.js';

/**
 * Asks for a blob that came damaged by itself: the daemon then checks its own copy and marks it, so that the next push of
 * the same content stores it again. The answer does not matter here.
 */
export async function reportDamage(api: DaemonApi, id: Uint8Array): Promise<void> {
  await api.getBlob(id).catch(() => undefined);
}

export function createFetchNodes(api: DaemonApi): FetchNodes {
  return async (refs) => {
    const blobs = await api.fetchBlobs(refs.map(({ id }) => id));
    for (const [at, { id }] of refs.entries()) {
      const blob = blobs[at];
      if (blob !== undefined && !equalBytes(sha256(blob), id)) await reportDamage(api, id);
    }
    return blobs;
  };
}
