// The nodes of a manifest as bytes, written (docs/format.md, "Nodes").
import { bytesKey } from '../protocol/bytes.js';
import { CborWriter } from './cbor-writer.js';
import type { ManifestEntry } from './manifest-entry.js';
import { entryFields, entryTypes, type IndexChild, manifestVersion, type Owner, ownerName } from './manifest-nodes.js';
import type { ChunkRef } from './seal.js';

/** A node's content before sealing. */
export interface EncodedNode {
  readonly raw: Uint8Array;
  readonly children: readonly Uint8Array[];
}

/** Numbers children in the order of their first use. */
class ChildTable {
  readonly ids: Uint8Array[] = [];
  readonly #indexes = new Map<string, number>();

  indexOf(id: Uint8Array): number {
    const name = bytesKey(id);
    let index = this.#indexes.get(name);
    if (index === undefined) {
      index = this.ids.length;
      this.ids.push(id);
      this.#indexes.set(name, index);
    }
    return index;
  }
}

/** Memory that every node of a thread is written in. */
const writer = new CborWriter();

/** Entries in path order that pass `checkEntry`, with at most `childrenMax` different references. */
export function encodeLeaf(entries: readonly ManifestEntry[]): EncodedNode {
  const table = new ChildTable();
  const { owners, ownerOf } = listOwners(entries);
  writer.list(3);
  writer.integer(manifestVersion);
  writer.list(owners.length);
  for (const { uid, gid, user, group } of owners) {
    writer.list(4);
    writer.integer(uid);
    writer.integer(gid);
    writer.text(user);
    writer.text(group);
  }
  writer.list(entries.length);
  for (const [at, entry] of entries.entries()) writeEntry(entry, ownerOf[at] ?? 0, table);
  return { raw: writer.take(), children: table.ids };
}

/** The owners in the order of their first use, and the index of each entry's. */
function listOwners(entries: readonly ManifestEntry[]): { owners: Owner[]; ownerOf: number[] } {
  const owners: Owner[] = [];
  const indexes = new Map<string, number>();
  let before: Owner | undefined;
  let index = 0;
  const ownerOf = entries.map((entry) => {
    // Most have the same owner as their neighbour.
    if (before !== undefined && isSameOwner(before, entry)) return index;
    before = entry;
    const name = ownerName(entry);
    index = indexes.get(name) ?? owners.length;
    if (index === owners.length) owners.push(entry);
    indexes.set(name, index);
    return index;
  });
  return { owners, ownerOf };
}

function isSameOwner(a: Owner, b: Owner): boolean {
  return a.uid === b.uid && a.gid === b.gid && a.user === b.user && a.group === b.group;
}

function writeEntry(entry: ManifestEntry, owner: number, table: ChildTable): void {
  writer.list(entryFields);
  writer.bytes(entry.path);
  writer.integer(entryTypes.indexOf(entry.type));
  writer.integer(entry.mode);
  writer.integer(owner);
  writer.integer(entry.mtimeSeconds);
  writer.integer(entry.mtimeNanoseconds);
  writer.integer(entry.size);
  writer.boolean(entry.sparse);
  const link = entry.linkTarget ?? entry.hardlinkTo;
  if (link === undefined) writer.null();
  else writer.bytes(link);
  writeChunks(entry.chunks, table);
  writer.list(3 * entry.chunkLists.length);
  for (const { id, key, size } of entry.chunkLists) writeReference(table.indexOf(id), key, size);
}

function writeChunks(chunks: readonly ChunkRef[], table: ChildTable): void {
  writer.list(3 * chunks.length);
  for (const { id, key, rawLength } of chunks) writeReference(table.indexOf(id), key, rawLength);
}

function writeReference(index: number, key: Uint8Array, lengthBytes: number): void {
  writer.integer(index);
  writer.bytes(key);
  writer.integer(lengthBytes);
}

/** 1 to `listChunksMax` references. */
export function encodeChunkList(chunks: readonly ChunkRef[]): EncodedNode {
  const table = new ChildTable();
  writer.list(2);
  writer.integer(manifestVersion);
  writeChunks(chunks, table);
  return { raw: writer.take(), children: table.ids };
}

/** `level` 1 stands over leaves, each further level over the one below. */
export function encodeIndex(level: number, nodes: readonly IndexChild[]): EncodedNode {
  writer.list(3);
  writer.integer(manifestVersion);
  writer.integer(level);
  writer.list(4 * nodes.length);
  for (const { firstPath, ref, entries, bytes } of nodes) {
    writer.bytes(firstPath);
    writer.bytes(ref.key);
    writer.integer(entries);
    writer.integer(bytes);
  }
  return { raw: writer.take(), children: nodes.map(({ ref }) => ref.id) };
}
