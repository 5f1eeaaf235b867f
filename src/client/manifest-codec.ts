// The three kinds of node of a manifest as bytes (docs/format.md, "Nodes"): leaves with entries, indexes over
// nodes, lists of chunks. Ids stand once, in the clear list of children; everything else is in the encrypted part.
import { bytesKey, compareBytes } from '../protocol/bytes.js';
import { childrenMax, rawBytesMax } from '../protocol/limits.js';
import { integrityError } from './errors.js';
import { frameKinds } from './frame.js';
import {
  type ChunkListRef,
  checkEntry,
  checkManifestPath,
  chunkListsMax,
  type EntryType,
  idMax,
  inlineChunksMax,
  listChunksMax,
  type ManifestEntry,
  modeMax,
  nanosecondsMax,
  ownerNameBytesMax,
  pathBytesMax,
} from './manifest-entry.js';
import { blobKeyBytes, type ChunkRef, type NodeRef, type OpenedNode } from './seal.js';
import { arrayField, bytesField, decodeStrict, encodeStrict, integerField, textField } from './strict-cbor.js';

const version = 1;
const entryTypes: readonly EntryType[] = ['directory', 'file', 'symlink'];
const entryFields = 11;

export const leafEntriesMax = 4096;
export const indexChildrenMax = 2048;
/** Deepest index: 2,048 to the eighth power of leaves is beyond any tree. */
export const indexLevelMax = 8;

/** What an index node says of one child. */
export interface IndexChild {
  readonly ref: NodeRef;
  readonly firstPath: Uint8Array;
  readonly entries: number;
  readonly bytes: number;
}

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

/** Hands out children by index and sees that each is used, for the first time in order. */
class ChildReader {
  readonly #children: readonly Uint8Array[];
  #used = 0;

  constructor(children: readonly Uint8Array[]) {
    this.#children = children;
  }

  take(index: unknown): Uint8Array {
    const child = this.#children[integerField(index, 0, this.#used)];
    if (child === undefined) throw integrityError('a node names a child that it does not have');
    if (index === this.#used) this.#used += 1;
    return child;
  }

  end(): void {
    if (this.#used !== this.#children.length) throw integrityError('a node lists a child that it does not name');
  }
}

function refFields(refs: readonly NodeRef[], lengths: readonly number[], table: ChildTable): unknown[] {
  return refs.flatMap((ref, i) => [table.indexOf(ref.id), ref.key, lengths[i]]);
}

/** Entries in path order that pass `checkEntry`, with at most `childrenMax` different references. */
export function encodeLeaf(entries: readonly ManifestEntry[]): EncodedNode {
  const table = new ChildTable();
  const owners: unknown[] = [];
  const ownerIndexes = new Map<string, number>();
  const rows = entries.map((entry) => {
    const name = ownerName(entry);
    let owner = ownerIndexes.get(name);
    if (owner === undefined) {
      owner = owners.length;
      owners.push([entry.uid, entry.gid, entry.user, entry.group]);
      ownerIndexes.set(name, owner);
    }
    return [
      entry.path,
      entryTypes.indexOf(entry.type),
      entry.mode,
      owner,
      entry.mtimeSeconds,
      entry.mtimeNanoseconds,
      entry.size,
      entry.sparse,
      entry.linkTarget ?? entry.hardlinkTo ?? null,
      entry.chunks.flatMap((ref) => [table.indexOf(ref.id), ref.key, ref.rawLength]),
      entry.chunkLists.flatMap((ref) => [table.indexOf(ref.id), ref.key, ref.size]),
    ];
  });
  return { raw: encodeStrict([version, owners, rows]), children: table.ids };
}

/** The entries of an opened leaf, every one checked; throws integrityError. */
export function decodeLeaf(node: OpenedNode): ManifestEntry[] {
  const fields = nodeFields(node, frameKinds.manifestLeaf, 3);
  const owners = arrayField(fields[1], 0, leafEntriesMax).map(decodeOwner);
  const children = new ChildReader(node.children);
  let ownersUsed = 0;
  let previous: Uint8Array | undefined;
  const entries = arrayField(fields[2], 0, leafEntriesMax).map((row) => {
    const row11 = arrayField(row, entryFields, entryFields);
    const ownerIndex = integerField(row11[3], 0, ownersUsed);
    if (ownerIndex === ownersUsed) ownersUsed += 1;
    const owner = owners[ownerIndex];
    if (owner === undefined) throw integrityError('an entry names an owner that is not there');
    const entry = decodeEntry(row11, owner, children);
    const problem = checkEntry(entry);
    if (problem !== undefined) throw integrityError(`a manifest entry is not valid: ${problem}`);
    if (previous !== undefined && compareBytes(previous, entry.path) >= 0) {
      throw integrityError('manifest entries are out of order');
    }
    previous = entry.path;
    return entry;
  });
  const distinct = new Set(owners.map(ownerName));
  if (ownersUsed !== owners.length || distinct.size !== owners.length) {
    throw integrityError('a manifest leaf lists an owner twice or does not name it');
  }
  children.end();
  return entries;
}

type Owner = Pick<ManifestEntry, 'uid' | 'gid' | 'user' | 'group'>;

/** Names have no NUL, so different owners have different names here. */
function ownerName(owner: Owner): string {
  return `${String(owner.uid)} ${String(owner.gid)} ${owner.user}\0${owner.group}`;
}

function decodeOwner(value: unknown): Owner {
  const fields = arrayField(value, 4, 4);
  return {
    uid: integerField(fields[0], 0, idMax),
    gid: integerField(fields[1], 0, idMax),
    user: textField(fields[2], ownerNameBytesMax),
    group: textField(fields[3], ownerNameBytesMax),
  };
}

function decodeEntry(row: readonly unknown[], owner: Owner, children: ChildReader): ManifestEntry {
  const type = entryTypes[integerField(row[1], 0, entryTypes.length - 1)] ?? 'directory';
  const sparse = row[7];
  if (typeof sparse !== 'boolean') throw integrityError('a manifest entry has a bad field');
  const link = row[8] === null ? undefined : bytesField(row[8], 1, pathBytesMax);
  if (link !== undefined && type === 'directory') throw integrityError('a directory is no link');
  const chunks: ChunkRef[] = [];
  for (const [id, key, rawLength] of references(row[9], inlineChunksMax, rawBytesMax, children)) {
    chunks.push({ id, key, rawLength });
  }
  const chunkLists: ChunkListRef[] = [];
  for (const [id, key, size] of references(row[10], chunkListsMax, Number.MAX_SAFE_INTEGER, children)) {
    chunkLists.push({ id, key, size });
  }
  const entry = {
    path: bytesField(row[0], 0, pathBytesMax),
    type,
    mode: integerField(row[2], 0, modeMax),
    uid: owner.uid,
    gid: owner.gid,
    user: owner.user,
    group: owner.group,
    mtimeSeconds: integerField(row[4], Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    mtimeNanoseconds: integerField(row[5], 0, nanosecondsMax),
    size: integerField(row[6], 0, Number.MAX_SAFE_INTEGER),
    sparse,
    chunks,
    chunkLists,
  };
  if (link === undefined) return entry;
  return type === 'symlink' ? { ...entry, linkTarget: link } : { ...entry, hardlinkTo: link };
}

/** Reads `child index, key, length` three by three. */
function references(
  value: unknown,
  countMax: number,
  lengthMax: number,
  children: ChildReader,
): [id: Uint8Array, key: Uint8Array, length: number][] {
  const fields = arrayField(value, 0, 3 * countMax);
  if (fields.length % 3 !== 0) throw integrityError('a list of references is cut short');
  const found: [Uint8Array, Uint8Array, number][] = [];
  for (let at = 0; at < fields.length; at += 3) {
    const id = children.take(fields[at]);
    found.push([
      id,
      bytesField(fields[at + 1], blobKeyBytes, blobKeyBytes),
      integerField(fields[at + 2], 1, lengthMax),
    ]);
  }
  return found;
}

/** 1 to `listChunksMax` references. */
export function encodeChunkList(chunks: readonly ChunkRef[]): EncodedNode {
  const table = new ChildTable();
  const raw = encodeStrict([
    version,
    refFields(
      chunks,
      chunks.map((chunk) => chunk.rawLength),
      table,
    ),
  ]);
  return { raw, children: table.ids };
}

/** The chunks of an opened list whose reference says `sizeBytes`; throws integrityError. */
export function decodeChunkList(node: OpenedNode, sizeBytes: number): ChunkRef[] {
  const fields = nodeFields(node, frameKinds.chunkList, 2);
  const children = new ChildReader(node.children);
  const chunks: ChunkRef[] = [];
  let sum = 0;
  for (const [id, key, rawLength] of references(fields[1], listChunksMax, rawBytesMax, children)) {
    chunks.push({ id, key, rawLength });
    sum += rawLength;
  }
  children.end();
  if (sum !== sizeBytes) throw integrityError('a chunk list has another size than its reference says');
  return chunks;
}

/** `level` 1 stands over leaves, each further level over the one below. */
export function encodeIndex(level: number, nodes: readonly IndexChild[]): EncodedNode {
  const rows = nodes.flatMap((node) => [node.firstPath, node.ref.key, node.entries, node.bytes]);
  return { raw: encodeStrict([version, level, rows]), children: nodes.map((node) => node.ref.id) };
}

export function decodeIndex(node: OpenedNode): { level: number; nodes: IndexChild[] } {
  const fields = nodeFields(node, frameKinds.manifestIndex, 3);
  const level = integerField(fields[1], 1, indexLevelMax);
  const rows = arrayField(fields[2], 4, 4 * indexChildrenMax);
  if (rows.length !== 4 * node.children.length) throw integrityError('an index does not fit its children');
  const nodes = node.children.map((id, i): IndexChild => {
    const firstPath = bytesField(rows[4 * i], 0, pathBytesMax);
    if (checkManifestPath(firstPath) !== undefined) throw integrityError('an index holds a bad path');
    return {
      ref: { id, key: bytesField(rows[4 * i + 1], blobKeyBytes, blobKeyBytes) },
      firstPath,
      entries: integerField(rows[4 * i + 2], 1, Number.MAX_SAFE_INTEGER),
      bytes: integerField(rows[4 * i + 3], 0, Number.MAX_SAFE_INTEGER),
    };
  });
  nodes.reduce((before, next) => {
    if (compareBytes(before.firstPath, next.firstPath) >= 0) throw integrityError('an index is out of order');
    return next;
  });
  return { level, nodes };
}

function nodeFields(node: OpenedNode, kind: number, count: number): readonly unknown[] {
  if (node.kind !== kind) throw integrityError('a manifest node of another kind');
  if (node.children.length > childrenMax) throw integrityError('a manifest node has too many children');
  const fields = arrayField(decodeStrict(node.raw), count, count);
  if (fields[0] !== version) throw integrityError('a manifest node of an unknown version');
  return fields;
}
