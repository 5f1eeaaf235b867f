// Memory that answers of the daemon are fetched into and restoring threads read from: a fixed number of slabs, used again and
// again, so that a pull of any size needs no more and leaves no garbage.
import { leafRecordBytesMax } from '../../protocol/blob-stream.js';
import { bytesKey } from '../../protocol/bytes.js';
import type { DaemonApi } from '../daemon-api.js';
import { LineWindow, type WindowLimits } from '../line-window.js';
import type { ChunkRef } from '../seal.js';
import type { BlobPlace, PlacedChunk } from './restore-messages.js';

export class FetchSlabs {
  /** How many there are, at most. */
  readonly count: number;
  readonly slabBytes: number;
  readonly #free: SharedArrayBuffer[] = [];
  readonly #line: ((slab: SharedArrayBuffer) => void)[] = [];
  #made = 0;

  constructor(count: number, slabBytes: number) {
    this.count = count;
    this.slabBytes = slabBytes;
  }

  /** A slab for the caller alone until `giveBack`; waits in line where all are taken. */
  take(): Promise<SharedArrayBuffer> {
    const free = this.#free.pop();
    if (free !== undefined) return Promise.resolve(free);
    if (this.#made < this.count) {
      this.#made += 1;
      return Promise.resolve(new SharedArrayBuffer(this.slabBytes));
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

/** Part of a slab and what is fetched into it with one request. */
interface Piece {
  readonly ids: Uint8Array[];
  readonly fromByte: number;
  lengthBytes: number;
}

/** Fetches into slabs, several requests at a time and as large as suits the line. */
export class SlabFetcher {
  readonly #api: DaemonApi;
  readonly #limits: WindowLimits;
  readonly #line: (() => void)[] = [];
  #lazyWindow: LineWindow | undefined;
  #requests = 0;

  constructor(api: DaemonApi, limits: WindowLimits) {
    this.#api = api;
    this.#limits = limits;
  }

  /** Made when the first answers have told how far the daemon is. */
  get #window(): LineWindow {
    this.#lazyWindow ??= new LineWindow(() => this.#api.roundTripMs, this.#limits);
    return this.#lazyWindow;
  }

  /**
   * Fetches the chunks' blobs, each once: runs of one chunk, zeros mostly, are common. The slab holds the longest records that
   * they may have. Throws LongAnswerError where the daemon sends more.
   */
  async fetchInto(slab: SharedArrayBuffer, chunks: readonly ChunkRef[]): Promise<PlacedChunk[]> {
    const places = new Map<string, BlobPlace | undefined>();
    const unique = chunks.filter(({ id }) => {
      const key = bytesKey(id);
      if (places.has(key)) return false;
      places.set(key, undefined);
      return true;
    });
    const fetched = this.#cut(unique).map(async (piece, _at, { length }) => {
      const memory = length === 1 ? new Uint8Array(slab) : new Uint8Array(slab, piece.fromByte, piece.lengthBytes);
      const blobs = await this.#inLane(() => this.#fetch(piece.ids, memory));
      for (const [at, id] of piece.ids.entries()) {
        const blob = blobs[at];
        if (blob !== undefined) places.set(bytesKey(id), { offset: blob.byteOffset, lengthBytes: blob.length });
      }
    });
    // Whatever happened to one: the slab is given back next, and none may still be writing to it.
    await Promise.allSettled(fetched);
    await Promise.all(fetched);
    return chunks.map(({ id, key, rawLength }) => ({ key, rawLength, place: places.get(bytesKey(id)) }));
  }

  #cut(chunks: readonly ChunkRef[]): readonly Piece[] {
    const { requestBytes } = this.#window;
    const pieces: Piece[] = [];
    let toByte = 0;
    for (const { id, rawLength } of chunks) {
      const bytes = leafRecordBytesMax(rawLength);
      let piece = pieces.at(-1);
      if (piece === undefined || piece.lengthBytes + bytes > requestBytes) {
        piece = { ids: [], fromByte: toByte, lengthBytes: 0 };
        pieces.push(piece);
      }
      piece.ids.push(id);
      piece.lengthBytes += bytes;
      toByte += bytes;
    }
    return pieces;
  }

  async #fetch(ids: readonly Uint8Array[], memory: Uint8Array): Promise<(Uint8Array | undefined)[]> {
    const window = this.#window;
    const startedMs = performance.now();
    let receivedBytes = 0;
    const blobs = await this.#api.fetchBlobs(ids, memory, (bytes) => {
      receivedBytes += bytes;
      window.moved(bytes);
    });
    window.done(receivedBytes, performance.now() - startedMs, this.#api.retries);
    return blobs;
  }

  /** Waits in line while as many requests are under way as the line can bear. */
  async #inLane<T>(work: () => Promise<T>): Promise<T> {
    while (this.#requests >= this.#window.lanes) {
      await new Promise<void>((resolve) => {
        this.#line.push(resolve);
      });
    }
    this.#requests += 1;
    try {
      return await work();
    } finally {
      this.#requests -= 1;
      // There may be room for more than one by now; whoever finds none stands in line again.
      for (const next of this.#line.splice(0, this.#window.lanes - this.#requests)) next();
    }
  }
}
