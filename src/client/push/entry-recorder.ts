// Records what a push has met, in order, where it belongs: in the manifest, in the counts, and in the cache for the next push.
import type { ByteText } from '../byte-text.js';
import type { ManifestEntry } from '../manifest-entry.js';
import { ManifestWriter } from '../manifest-writer.js';
import type { NodeRef, SealedBlob } from '../seal.js';
import { entryOf, noContent } from './entry-of.js';
import type { KnownLeaf } from './leaf-matcher.js';
import type { OwnerNames } from './owner-names.js';
import type { CacheOrigin, PushCacheWriter } from './push-cache.js';
import type { SourceStat } from './source-stat.js';
import type { WalkedEntry } from './walk.js';

export interface RecorderNeeds {
  /** The vault's salt. */
  readonly salt: Uint8Array;
  readonly names: OwnerNames;
  readonly cacheWriter: PushCacheWriter;
  /** Receives every node blob, children before parents. */
  readonly emit: (node: SealedBlob) => void;
  /** Where a symlink leads; undefined where it cannot be read, which is told of. */
  readonly linkTarget: (walked: WalkedEntry) => ByteText | undefined;
}

export class EntryRecorder {
  readonly counts = { files: 0, directories: 0, symlinks: 0, bytes: 0 };
  readonly #needs: RecorderNeeds;
  readonly #manifest: ManifestWriter;

  constructor(needs: RecorderNeeds) {
    this.#needs = needs;
    const { salt, emit, cacheWriter } = needs;
    const onLeaf: PushCacheWriter['endLeaf'] = (leaf, endsByItself) => {
      cacheWriter.endLeaf(leaf, endsByItself);
    };
    this.#manifest = new ManifestWriter({ salt, emit, onLeaf });
  }

  /** `cacheable` is the version that the entry describes; undefined where the next push must look again. */
  addEntry(entry: ManifestEntry, { type, path }: WalkedEntry, cacheable: SourceStat | undefined): void {
    const { cacheWriter } = this.#needs;
    // Before the manifest, which may end a leaf with this very entry.
    if (cacheable === undefined) cacheWriter.skip();
    else cacheWriter.add({ type, path, stat: cacheable }, entry.chunks);
    this.#manifest.add(entry);
    const is = (other: WalkedEntry['type']) => (type === other ? 1 : 0);
    this.#count({ files: is('file'), directories: is('directory'), symlinks: is('symlink') }, entry.size);
  }

  addLeaf(leaf: KnownLeaf): void {
    if (this.#manifest.isBetweenLeaves) {
      const { child, lastPath, cached, counts } = leaf;
      this.#manifest.addLeaf(child, lastPath);
      this.#needs.cacheWriter.addLeaf(cached);
      this.#count(counts, child.bytes);
    } else {
      // What stands before it has changed so much that the leaf begins elsewhere now.
      for (const { walked, chunks } of leaf.entries()) this.#addKnown(walked, chunks);
    }
  }

  /** Emits what is left; returns the root of the manifest. */
  finish(): NodeRef {
    return this.#manifest.finish().root;
  }

  /** Lets the next push use the cache. Returns why it cannot, where that is so. */
  commit(origin: Omit<CacheOrigin, 'ownersHash'>): string | undefined {
    const { cacheWriter, names } = this.#needs;
    cacheWriter.commit({ ...origin, ownersHash: names.hash });
    return cacheWriter.fault;
  }

  #addKnown(walked: WalkedEntry, chunks: ManifestEntry['chunks']): void {
    const { names, linkTarget } = this.#needs;
    const { type, stat } = walked;
    const target = type === 'symlink' ? linkTarget(walked) : undefined;
    if (type === 'symlink' && target === undefined) return;
    const content = type === 'file' ? { chunks, sizeBytes: stat.sizeBytes, stat: undefined } : noContent;
    this.addEntry(entryOf(names, walked, content, { target }), walked, stat);
  }

  #count(
    { files, directories, symlinks }: Pick<KnownLeaf['counts'], 'files' | 'directories' | 'symlinks'>,
    bytes: number,
  ): void {
    this.counts.files += files;
    this.counts.directories += directories;
    this.counts.symlinks += symlinks;
    this.counts.bytes += bytes;
  }
}
