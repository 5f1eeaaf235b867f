// The entry of a manifest that something on this machine becomes (docs/format.md, "Entries").
import { fromBytesKey } from '../../protocol/bytes.js';
import type { ByteText } from '../byte-text.js';
import type { ManifestEntry } from '../manifest-entry.js';
import type { ChunkRef } from '../seal.js';
import type { OwnerNames } from './owner-names.js';
import type { SourceStat } from './source-stat.js';
import type { WalkedEntry } from './walk.js';

const noChunks: readonly never[] = [];

/** Content of a file, or of what has none. */
export interface EntryContent {
  readonly chunks: readonly ChunkRef[];
  readonly sizeBytes: number;
  /** The version that was read; undefined where it is the one that was walked. */
  readonly stat: SourceStat | undefined;
}

export const noContent: EntryContent = { chunks: noChunks, sizeBytes: 0, stat: undefined };

export interface EntryLinks {
  /** Of a symlink. */
  readonly target?: ByteText | undefined;
  /** Of a further name of a file. */
  readonly hardlinkTo?: ByteText | undefined;
}

export function entryOf(
  names: OwnerNames,
  walked: WalkedEntry,
  content: EntryContent,
  { target, hardlinkTo }: EntryLinks,
): ManifestEntry {
  // What the thread saw when it opened the file fits the content; the walk looked earlier.
  const stat = content.stat ?? walked.stat;
  const entry = {
    path: fromBytesKey(walked.path),
    type: walked.type,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    user: names.user(stat.uid),
    group: names.group(stat.gid),
    mtimeSeconds: stat.modifiedSeconds,
    mtimeNanoseconds: stat.modifiedNanoseconds,
    size: content.sizeBytes,
    sparse: walked.type === 'file' && stat.sparse,
    chunks: content.chunks,
    chunkLists: noChunks,
  };
  if (target !== undefined) return { ...entry, linkTarget: fromBytesKey(target) };
  return hardlinkTo === undefined ? entry : { ...entry, hardlinkTo: fromBytesKey(hardlinkTo) };
}
