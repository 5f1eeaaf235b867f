// Finds what a walk meets again as the push before met it (docs/architecture.md, "Unchanged files"): whole leaves of the manifest
// where every entry has the same row, single files elsewhere. Walk and cache are in the same order, so one look at each is enough.
import type { IndexChild } from '../manifest-nodes.js';
import type { ChunkRef } from '../seal.js';
import type { PushCacheReader } from './push-cache.js';
import { type CachedLeaf, recordsAt } from './push-cache-leaf.js';
import { isSameVersion } from './source-stat.js';
import type { WalkedEntry } from './walk.js';
import type { WalkedPlace, WalkedRows } from './walk-messages.js';
import { compareRowPaths, isSameRow, readRow, rowEnd, rowPath, rowTypeAt } from './walked-rows.js';

/** An entry, and its chunks where they are known: those of a directory or symlink are none. */
export interface MetEntry {
  readonly walked: WalkedEntry;
  readonly chunks: readonly ChunkRef[] | undefined;
}

/** One whose chunks are known. */
export type KnownEntry = MetEntry & { readonly chunks: readonly ChunkRef[] };

export type Met = MetEntry | { readonly leaf: KnownLeaf };

/** Entries of one leaf that were met in a row, some of each batch. */
interface Stretch {
  readonly from: WalkedPlace;
  count: number;
}

/** A leaf whose entries were all met as they were, from its first one on. */
export class KnownLeaf {
  readonly cached: CachedLeaf;
  /** What an index says of it. */
  readonly child: IndexChild;
  readonly counts = { files: 0, directories: 0, symlinks: 0, chunks: 0 };
  readonly #stretches: Stretch[] = [];
  #lastAt: number = recordsAt;

  constructor(cached: CachedLeaf) {
    this.cached = cached;
    this.child = cached.child;
  }

  get lastPath(): Uint8Array {
    return rowPath(this.cached.memory, this.#lastAt);
  }

  /** The next entry, whose record is at `recordAt`. */
  add(recordAt: number, place: WalkedPlace): void {
    const before = this.#stretches.at(-1);
    if (before?.from.rows === place.rows) before.count += 1;
    else this.#stretches.push({ from: place, count: 1 });
    this.#lastAt = recordAt;
    const type = rowTypeAt(place.rows.memory, place.at);
    this.counts.chunks += this.cached.chunkCountAt(recordAt);
    if (type === 'file') this.counts.files += 1;
    else if (type === 'directory') this.counts.directories += 1;
    else this.counts.symlinks += 1;
  }

  /** The entries one by one. */
  *entries(): Generator<KnownEntry> {
    let recordAt: number = recordsAt;
    for (const { from, count } of this.#stretches) {
      const { rows } = from;
      let { at } = from;
      for (let step = 0; step < count; step += 1) {
        yield { walked: rows.entryAt({ at, index: from.index + step }), chunks: this.cached.chunksAt(recordAt) };
        at = rowEnd(rows.memory, at);
        recordAt = this.cached.nextAt(recordAt);
      }
    }
  }
}

export class LeafMatcher {
  readonly #cache: PushCacheReader | undefined;
  readonly #takesLeaves: boolean;
  #leaf: KnownLeaf | undefined;

  /** `takesLeaves`: what stands in a leaf beside its rows is still the same. */
  constructor(cache: PushCacheReader | undefined, takesLeaves: boolean) {
    this.#cache = cache;
    this.#takesLeaves = takesLeaves;
  }

  /** What the rows are; some of it only when the next ones are taken. */
  take(rows: WalkedRows): Met[] {
    const met: Met[] = [];
    for (const place of rows.places()) this.#takeRow(place, met);
    return met;
  }

  /** What is left when the walk is over. */
  end(): Met[] {
    const met: Met[] = [];
    this.#breakLeaf(met);
    return met;
  }

  #takeRow(place: WalkedPlace, met: Met[]): void {
    const cache = this.#cache;
    const { rows, at } = place;
    for (let cached = cache?.leaf; cache !== undefined && cached !== undefined; cached = cache.leaf) {
      if (isSameRow(cached.memory, cache.at, rows.memory, at)) {
        this.#takeSame(cache, cached, place, met);
        return;
      }
      this.#breakLeaf(met);
      const order = compareRowPaths(cached.memory, cache.at, rows.memory, at);
      if (order > 0) break;
      if (order === 0) {
        const walked = rows.entryAt(place);
        // What a row has beside the version, such as its holes, may change without it.
        const isSame = isSameVersion(readRow(cached.memory, cache.at).stat, walked.stat);
        met.push({ walked, chunks: isSame ? cached.chunksAt(cache.at) : undefined });
        cache.advance();
        return;
      }
      cache.advance();
    }
    met.push({ walked: rows.entryAt(place), chunks: undefined });
  }

  #takeSame(cache: PushCacheReader, cached: CachedLeaf, place: WalkedPlace, met: Met[]): void {
    if (cache.at === recordsAt && cached.isWhole && this.#takesLeaves) this.#leaf = new KnownLeaf(cached);
    if (this.#leaf === undefined) met.push({ walked: place.rows.entryAt(place), chunks: cached.chunksAt(cache.at) });
    else this.#leaf.add(cache.at, place);
    cache.advance();
    if (this.#leaf === undefined || cache.leaf === cached) return;
    met.push({ leaf: this.#leaf });
    this.#leaf = undefined;
  }

  /** What has begun like a leaf goes on otherwise. */
  #breakLeaf(met: Met[]): void {
    if (this.#leaf !== undefined) met.push(...this.#leaf.entries());
    this.#leaf = undefined;
  }
}
