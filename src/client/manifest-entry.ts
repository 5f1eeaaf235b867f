// One entry of a manifest (docs/format.md, "Entries"): what it holds and what no entry may hold, checked when
// written and when read.
import { compareBytes } from '../protocol/bytes.js';
import { rawBytesMax } from '../protocol/limits.js';
import type { ChunkRef, NodeRef } from './seal.js';

export const pathBytesMax = 4095;
const pathComponentBytesMax = 255;
/** Longest name of an owner or a group. */
export const ownerNameBytesMax = 255;
export const inlineChunksMax = 256;
export const listChunksMax = 4096;
export const chunkListsMax = 4096;
export const modeMax = 0o7777;
export const idMax = 0xffffffff;
export const nanosecondsMax = 999_999_999;

/** Part of a long file's chunk references, in a node of its own. `size` is the sum of their raw lengths. */
export interface ChunkListRef extends NodeRef {
  readonly size: number;
}

export type EntryType = 'directory' | 'file' | 'symlink';

export interface ManifestEntry {
  /** Relative, components joined by `/`; empty for the root directory itself. */
  readonly path: Uint8Array;
  readonly type: EntryType;
  /** Twelve bits: permissions, sticky, setgid, setuid. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Names of owner and group, empty where unknown. */
  readonly user: string;
  readonly group: string;
  /** Seconds since 1970, negative before it. */
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  /** Bytes of a file, holes included; 0 for directories and symlinks. */
  readonly size: number;
  /** The file had holes. They are stored as zeros and may be made holes again. */
  readonly sparse: boolean;
  /** Symlinks only, and always there: the target's bytes. */
  readonly linkTarget?: Uint8Array;
  /** Files only: path of the first entry, in path order, that is a link to the same file. Chunks are repeated here. */
  readonly hardlinkTo?: Uint8Array;
  /** The content in order; empty where `chunkLists` is not. */
  readonly chunks: readonly ChunkRef[];
  /** The content of a long file in order; `decodeChunkList` reads one. */
  readonly chunkLists: readonly ChunkListRef[];
}

const slash = 0x2f;
const dot = 0x2e;

/** Why a path cannot stand in a manifest, or undefined where it can. */
export function checkManifestPath(path: Uint8Array): string | undefined {
  if (path.length === 0) return undefined;
  if (path.length > pathBytesMax) return `the path is longer than ${String(pathBytesMax)} bytes`;
  let start = 0;
  for (let at = 0; at <= path.length; at += 1) {
    const byte = at === path.length ? slash : path[at];
    if (byte === 0) return 'the path has a NUL';
    if (byte !== slash) continue;
    const length = at - start;
    if (length === 0) return 'the path has an empty component';
    if (length > pathComponentBytesMax) return `a name is longer than ${String(pathComponentBytesMax)} bytes`;
    if (path[start] === dot && (length === 1 || (length === 2 && path[start + 1] === dot))) {
      return "the path has a component '.' or '..'";
    }
    start = at + 1;
  }
  return undefined;
}

function isCount(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max;
}

/** Why an entry cannot stand in a manifest, or undefined where it can. Chunk lists may still be inline. */
export function checkEntry(entry: ManifestEntry): string | undefined {
  return checkManifestPath(entry.path) ?? checkAttributes(entry) ?? checkLinks(entry) ?? checkContent(entry);
}

function checkAttributes(entry: ManifestEntry): string | undefined {
  if (!isCount(entry.mode, modeMax)) return 'the mode has more than 12 bits';
  if (!isCount(entry.uid, idMax) || !isCount(entry.gid, idMax)) return 'an owner number is out of range';
  for (const name of [entry.user, entry.group]) {
    if (name.length > 0 && (Buffer.byteLength(name) > ownerNameBytesMax || name.includes('\0'))) {
      return 'an owner name is too long or has a NUL';
    }
  }
  if (!Number.isSafeInteger(entry.mtimeSeconds)) return 'the time is out of range';
  if (!isCount(entry.mtimeNanoseconds, nanosecondsMax)) return 'the nanoseconds are out of range';
  return undefined;
}

function checkLinks(entry: ManifestEntry): string | undefined {
  const { linkTarget, hardlinkTo, path } = entry;
  if ((linkTarget !== undefined) !== (entry.type === 'symlink')) return 'a link target belongs to every symlink only';
  if (linkTarget !== undefined) {
    if (linkTarget.length === 0 || linkTarget.length > pathBytesMax || linkTarget.includes(0)) {
      return 'the link target is empty, too long or has a NUL';
    }
  }
  if (hardlinkTo !== undefined) {
    if (entry.type !== 'file') return 'only a file is a hardlink';
    if (hardlinkTo.length === 0 || compareBytes(hardlinkTo, path) >= 0) return 'a hardlink points to an earlier path';
    return checkManifestPath(hardlinkTo);
  }
  return undefined;
}

function checkContent(entry: ManifestEntry): string | undefined {
  const { chunks, chunkLists } = entry;
  if (entry.type !== 'file' && (chunks.length > 0 || chunkLists.length > 0 || entry.sparse)) {
    return 'only a file has content';
  }
  if (entry.path.length === 0 && entry.type !== 'directory') return 'the root is a directory';
  if (chunks.length > 0 && chunkLists.length > 0) return 'content is named twice';
  if (chunkLists.length > chunkListsMax) return 'the file has too many chunk lists';
  let size = 0;
  for (const chunk of chunks) {
    if (chunk.rawLength < 1 || !isCount(chunk.rawLength, rawBytesMax)) return 'a chunk has a length out of range';
    size += chunk.rawLength;
  }
  for (const list of chunkLists) {
    if (list.size < 1 || !isCount(list.size, listChunksMax * rawBytesMax))
      return 'a chunk list has a size out of range';
    size += list.size;
  }
  if (!Number.isSafeInteger(entry.size) || entry.size !== size) return 'the size is not the sum of the chunks';
  return undefined;
}
