// The nodes of a manifest, read (docs/format.md, "Nodes"): every field is checked.
import { compareBytes } from '../protocol/bytes.js';
import { childrenMax, rawBytesMax } from '../protocol/limits.js';
import { integrityError } from './errors.js';
import { frameKinds } from './frame.js';
import {
  type ChunkListRef,
  checkEntry,
  checkManifestPath,
  chunkListsMax,
  idMax,
  inlineChunksMax,
  listChunksMax,
  type ManifestEntry,
  modeMax,
  nanosecondsMax,
  ownerNameBytesMax,
  pathBytesMax,
} from './manifest-entry.js';
import {
  entryFields,
  entryTypes,
  type IndexChild,
  indexChildrenMax,
  indexLevelMax,
  leafEntriesMax,
  manifestVersion,
  type Owner,
  ownerName,
} from './manifest-nodes.js';
import { blobKeyBytes, type ChunkRef, type OpenedNode } from './seal.js';
import { arrayField, bytesField, decodeStrict, integerField, textField } from './strict-cbor.js';

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
  if (fields[0] !== manifestVersion) throw integrityError('a manifest node of an unknown version');
  return fields;
}
