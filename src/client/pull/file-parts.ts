// Writes the content of one long file in parts: they are fetched side by side, and the threads write them as they come.
import { leafRecordBytesMax } from '../../protocol/blob-stream.js';
import { queryIdsMax } from '../../protocol/limits.js';
import type { DaemonApi } from '../daemon-api.js';
import { integrityError } from '../errors.js';
import { reportDamage } from '../fetch-nodes.js';
import type { ManifestEntry } from '../manifest-entry.js';
import type { ChunkRef } from '../seal.js';
import type { FetchSlabs, SlabFetcher } from './fetch-slabs.js';
import { readChunkRefs } from './read-file.js';
import { encodeChunks } from './restore-messages.js';
import type { RestorePool } from './restore-pool.js';

export interface PartsNeeds {
  readonly api: DaemonApi;
  readonly pool: RestorePool;
  readonly slabs: FetchSlabs;
  readonly fetcher: SlabFetcher;
}

interface Part {
  readonly file: number;
  /** Where in the file it goes. */
  readonly offset: number;
  readonly sparse: boolean;
  readonly chunks: readonly ChunkRef[];
  /** One thread's work, where that keeps all of them busy. */
  readonly preferred: number;
}

/** Keeps running work in a set until it ends; a fault goes to `onFault`. */
export function track(underWay: Set<Promise<void>>, work: Promise<void>, onFault: (error: Error) => void): void {
  const tracked: Promise<void> = work
    .catch((thrown: unknown) => {
      onFault(asError(thrown));
    })
    .finally(() => {
      underWay.delete(tracked);
    });
  underWay.add(tracked);
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

export class FileParts {
  readonly #needs: PartsNeeds;
  #fileCount = 0;

  constructor(needs: PartsNeeds) {
    this.#needs = needs;
  }

  /** Writes all of an entry's content to an open file; `onWritten` is told the bytes of each part. */
  async write(entry: ManifestEntry, file: number, onWritten: (bytes: number) => void): Promise<void> {
    const { api, slabs } = this.#needs;
    const underWay = new Set<Promise<void>>();
    const preferred = this.#fileCount;
    this.#fileCount += 1;
    let fault: Error | undefined;
    let offset = 0;
    let chunks: ChunkRef[] = [];
    let partBytes = 0;
    let recordBytes = 0;
    const start = async () => {
      const lengthBytes = partBytes;
      const work = this.#writePart({ file, offset, sparse: entry.sparse, chunks, preferred }).then(() => {
        onWritten(lengthBytes);
      });
      offset += partBytes;
      chunks = [];
      partBytes = 0;
      recordBytes = 0;
      track(underWay, work, (error) => {
        fault ??= error;
      });
      while (underWay.size >= slabs.count) await Promise.race(underWay);
    };
    try {
      for await (const chunk of readChunkRefs(api, entry)) {
        if (fault !== undefined) break;
        const bytes = leafRecordBytesMax(chunk.rawLength);
        if (recordBytes + bytes > slabs.slabBytes || chunks.length === queryIdsMax) await start();
        chunks.push(chunk);
        partBytes += chunk.rawLength;
        recordBytes += bytes;
      }
      if (chunks.length > 0) await start();
    } catch (error) {
      fault ??= asError(error);
    }
    // Whatever happened: the file is closed next, and no thread may still be writing to its number.
    while (underWay.size > 0) await Promise.race(underWay);
    if (fault !== undefined) throw fault;
  }

  async #writePart({ file, offset, sparse, chunks: wanted, preferred }: Part): Promise<void> {
    const { api, pool, slabs, fetcher } = this.#needs;
    const slab = await slabs.take();
    try {
      const chunks = encodeChunks(await fetcher.fetchInto(slab, wanted));
      const answer = await pool.run({ type: 'part', slab, file, offset, sparse, chunks }, preferred);
      const outcome = answer[0]?.[1];
      if (outcome?.damagedId !== undefined) await reportDamage(api, outcome.damagedId);
      if (outcome?.outcome === 'damaged') throw integrityError(outcome.message);
      if (outcome !== undefined) throw new Error(outcome.message);
    } finally {
      slabs.giveBack(slab);
    }
  }
}
