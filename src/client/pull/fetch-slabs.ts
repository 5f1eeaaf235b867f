// Memory that answers of the daemon are fetched into and restoring threads read from: a fixed number of slabs, used again and
// again, so that a pull of any size needs no more and leaves no garbage.
import { bytesKey } from '../../protocol/bytes.js';
import type { DaemonApi } from '../daemon-api.js';
import type { ChunkRef } from '../seal.js';
import type { BlobPlace, PlacedChunk } from './restore-messages.js';

export class FetchSlabs {
  /** How many there are, at most. */
  readonly count: number;
  readonly #slabBytes: number;
  readonly #free: SharedArrayBuffer[] = [];
  readonly #line: ((slab: SharedArrayBuffer) => void)[] = [];
  #made = 0;

  constructor(count: number, slabBytes: number) {
    this.count = count;
    this.#slabBytes = slabBytes;
  }

  /** A slab for the caller alone until `giveBack`; waits in line where all are taken. */
  take(): Promise<SharedArrayBuffer> {
    const free = this.#free.pop();
    if (free !== undefined) return Promise.resolve(free);
    if (this.#made < this.count) {
      this.#made += 1;
      return Promise.resolve(new SharedArrayBuffer(this.#slabBytes));
    }
    return new Promise((resolve) => {
      this.#line.push(resolve);
    });
  }

  giveBack(slab: SharedArrayBuffer): void {
    const next = this.#line.shift();
    if (next === undefined) this.#free.push(slab);
    else next(slab);
  }
}

/**
 * Fetches the chunks' blobs into the slab, each once: runs of one chunk, zeros mostly, are common. Throws LongAnswerError where
 * the daemon sends more than the slab holds.
 */
export async function fetchInto(
  slab: SharedArrayBuffer,
  api: DaemonApi,
  chunks: readonly ChunkRef[],
): Promise<PlacedChunk[]> {
  const places = new Map<string, BlobPlace | undefined>();
  const ids: Uint8Array[] = [];
  const keys = chunks.map(({ id }) => {
    const key = bytesKey(id);
    if (!places.has(key)) {
      places.set(key, undefined);
      ids.push(id);
    }
    return key;
  });
  const blobs = ids.length === 0 ? [] : await api.fetchBlobs(ids, new Uint8Array(slab));
  for (const [at, key] of [...places.keys()].entries()) {
    const blob = blobs[at];
    if (blob !== undefined) places.set(key, { offset: blob.byteOffset, lengthBytes: blob.length });
  }
  return chunks.map(({ key, rawLength }, at) => ({ key, rawLength, place: places.get(keys[at] ?? '') }));
}
