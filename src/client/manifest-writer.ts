// Writes a manifest (docs/format.md, "Cutting manifests"): leaves and indexes end where the content says so, so that one
// new file changes one leaf and the indexes above it, and everything else is sealed to the same blobs as before.
import { ok } from 'node:assert/strict';
import { compareBytes } from '../protocol/bytes.js';
import { childrenMax } from '../protocol/limits.js';
import { ClientError } from './errors.js';
import { frameKinds } from './frame.js';
import { type EncodedNode, encodeChunkList, encodeIndex, encodeLeaf } from './manifest-encoder.js';
import {
  type ChunkListRef,
  checkEntry,
  chunkListsMax,
  inlineChunksMax,
  listChunksMax,
  type ManifestEntry,
} from './manifest-entry.js';
import { type IndexChild, indexChildrenMax, indexLevelMax, leafEntriesMax } from './manifest-nodes.js';
import { type ChunkRef, type NodeKind, type NodeRef, type SealedBlob, sealNode } from './seal.js';

const leafEntriesMin = 256;
/** About 128 entries follow the minimum: the hash of a path starts with seven zero bits. */
const leafCutBits = 7;
/** Estimated bytes of a node before compression. */
const nodeBytesMax = 1536 * 1024;
const indexChildrenMin = 16;
const indexCutBits = 8;
const listChunksMin = 512;
const listCutBits = 11;

/** Estimates, in bytes: an entry without its texts and references, a reference, an index row without its path. */
const entryCost = 64;
const referenceCost = 48;
const indexRowCost = 64;

export interface ManifestWriterOptions {
  /** The vault's salt: manifests never leave the vault's dedup domain. */
  readonly salt: Uint8Array;
  /** Receives every node blob, children before parents. */
  readonly emit: (sealed: SealedBlob) => void;
  /** Hears of each leaf made of added entries; `endsByItself` where the leaf would end there whatever follows. */
  readonly onLeaf?: (leaf: IndexChild, endsByItself: boolean) => void;
}

export interface WrittenManifest {
  readonly root: NodeRef;
  readonly entries: number;
  /** Sum of the sizes of all entries, hardlinks counted each time. */
  readonly bytes: number;
}

/** FNV-1a of 32 bits, then a multiplication that carries every byte into the highest bits. */
export function pathCutHash(path: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < path.length; at += 1) hash = Math.imul(hash ^ (path[at] as number), 0x01000193);
  return Math.imul(hash, 0x9e3779b1) >>> 0;
}

function isCut(hash: number, bits: number): boolean {
  return hash >>> (32 - bits) === 0;
}

function idCutHash(id: Uint8Array): number {
  return new DataView(id.buffer, id.byteOffset, id.byteLength).getUint32(0);
}

/** Takes entries in path order and emits the nodes of their manifest. A limit that is met throws ClientError `failed`. */
export class ManifestWriter {
  readonly #salt: Uint8Array;
  readonly #emit: (sealed: SealedBlob) => void;
  readonly #onLeaf: ManifestWriterOptions['onLeaf'];
  #pending: ManifestEntry[] = [];
  #pendingCost = 0;
  #pendingReferences = 0;
  #previousPath: Uint8Array | undefined;
  readonly #leaves: IndexChild[] = [];
  #entries = 0;
  #bytes = 0;

  constructor(options: ManifestWriterOptions) {
    this.#salt = options.salt;
    this.#emit = options.emit;
    this.#onLeaf = options.onLeaf;
  }

  /**
   * Adds one entry, whose path is greater than the one before. `chunks` of any number become chunk lists where they
   * must; `chunkLists` of an earlier manifest are taken as they are.
   */
  add(entry: ManifestEntry): void {
    const problem = checkEntry(entry);
    if (problem !== undefined) throw new ClientError('failed', `cannot record an entry: ${problem}`);
    this.#pass(entry.path, entry.path);
    const stored = entry.chunks.length > inlineChunksMax ? this.#withLists(entry) : entry;
    const references = stored.chunks.length + stored.chunkLists.length;
    const cost = costOf(stored);
    if (this.#pendingCost + cost > nodeBytesMax || this.#pendingReferences + references > childrenMax)
      this.#cutLeaf(false);
    this.#pending.push(stored);
    this.#pendingCost += cost;
    this.#pendingReferences += references;
    this.#count(1, entry.size);
    const count = this.#pending.length;
    if (count >= leafEntriesMax || (count >= leafEntriesMin && isCut(pathCutHash(entry.path), leafCutBits))) {
      this.#cutLeaf(true);
    }
  }

  /** Whether a leaf that an earlier manifest has may follow as it is. */
  get isBetweenLeaves(): boolean {
    return this.#pending.length === 0;
  }

  /**
   * Adds a leaf of an earlier manifest, between leaves only. It must be one that ends by itself: what follows is then cut as if
   * its entries had been added one by one.
   */
  addLeaf(leaf: IndexChild, lastPath: Uint8Array): void {
    ok(this.isBetweenLeaves, 'a leaf follows a leaf');
    this.#pass(leaf.firstPath, lastPath);
    this.#count(leaf.entries, leaf.bytes);
    this.#leaves.push(leaf);
  }

  /** Emits what is left. An empty manifest is one leaf without entries. */
  finish(): WrittenManifest {
    this.#cutLeaf(false);
    const totals = { entries: this.#entries, bytes: this.#bytes };
    if (this.#leaves.length === 0) {
      return { root: this.#seal(frameKinds.manifestLeaf, encodeLeaf([])), ...totals };
    }
    let nodes: readonly IndexChild[] = this.#leaves;
    for (let level = 1; nodes.length > 1; level += 1) {
      ok(level <= indexLevelMax, 'indexes get fewer with each level');
      nodes = this.#writeLevel(level, nodes);
    }
    const root = nodes[0];
    ok(root !== undefined, 'a manifest has a root');
    return { root: root.ref, ...totals };
  }

  #pass(firstPath: Uint8Array, lastPath: Uint8Array): void {
    if (this.#previousPath !== undefined && compareBytes(this.#previousPath, firstPath) >= 0) {
      throw new Error('manifest entries must be added in path order, each once');
    }
    this.#previousPath = lastPath;
  }

  #count(entries: number, bytes: number): void {
    this.#entries += entries;
    this.#bytes += bytes;
    if (!Number.isSafeInteger(this.#bytes)) throw new ClientError('failed', 'the files are too large together');
  }

  #cutLeaf(endsByItself: boolean): void {
    const [first] = this.#pending;
    if (first === undefined) return;
    const ref = this.#seal(frameKinds.manifestLeaf, encodeLeaf(this.#pending));
    const bytes = this.#pending.reduce((sum, entry) => sum + entry.size, 0);
    const leaf = { ref, firstPath: first.path, entries: this.#pending.length, bytes };
    this.#leaves.push(leaf);
    this.#onLeaf?.(leaf, endsByItself);
    this.#pending = [];
    this.#pendingCost = 0;
    this.#pendingReferences = 0;
  }

  #writeLevel(level: number, children: readonly IndexChild[]): IndexChild[] {
    const parents: IndexChild[] = [];
    let group: IndexChild[] = [];
    let cost = 0;
    const cut = (): void => {
      const [first] = group;
      if (first === undefined) return;
      const ref = this.#seal(frameKinds.manifestIndex, encodeIndex(level, group));
      const entries = group.reduce((sum, child) => sum + child.entries, 0);
      const bytes = group.reduce((sum, child) => sum + child.bytes, 0);
      parents.push({ ref, firstPath: first.firstPath, entries, bytes });
      group = [];
      cost = 0;
    };
    for (const child of children) {
      const childCost = indexRowCost + child.firstPath.length;
      if (cost + childCost > nodeBytesMax) cut();
      group.push(child);
      cost += childCost;
      const full = group.length >= indexChildrenMax;
      if (full || (group.length >= indexChildrenMin && isCut(idCutHash(child.ref.id), indexCutBits))) cut();
    }
    cut();
    return parents;
  }

  /** Lists end at content-defined places as well, so that a change in a long file changes one list. */
  #withLists(entry: ManifestEntry): ManifestEntry {
    const chunkLists: ChunkListRef[] = [];
    let group: ChunkRef[] = [];
    const cut = (): void => {
      if (group.length === 0) return;
      if (chunkLists.length === chunkListsMax) {
        throw new ClientError('failed', `a file has more than ${String(chunkListsMax)} lists of chunks`);
      }
      const ref = this.#seal(frameKinds.chunkList, encodeChunkList(group));
      chunkLists.push({ ...ref, size: group.reduce((sum, chunk) => sum + chunk.rawLength, 0) });
      group = [];
    };
    for (const chunk of entry.chunks) {
      group.push(chunk);
      const full = group.length >= listChunksMax;
      if (full || (group.length >= listChunksMin && isCut(idCutHash(chunk.id), listCutBits))) cut();
    }
    cut();
    return { ...entry, chunks: [], chunkLists };
  }

  #seal(kind: NodeKind, node: EncodedNode): NodeRef {
    const sealed = sealNode(this.#salt, kind, node.raw, node.children);
    this.#emit(sealed);
    return { id: sealed.id, key: sealed.key };
  }
}

function costOf(entry: ManifestEntry): number {
  const link = entry.linkTarget?.length ?? entry.hardlinkTo?.length ?? 0;
  const references = entry.chunks.length + entry.chunkLists.length;
  return entryCost + entry.path.length + link + references * referenceCost;
}
