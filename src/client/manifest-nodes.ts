// What writers and readers of manifests share (docs/format.md, "Nodes"): the three kinds of node are leaves with entries,
// indexes over nodes, lists of chunks. Ids stand once, in the clear list of children; everything else is in the encrypted
// part.
import type { EntryType, ManifestEntry } from './manifest-entry.js';
import type { NodeRef } from './seal.js';

export const manifestVersion = 1;
export const entryTypes: readonly EntryType[] = ['directory', 'file', 'symlink'];
export const entryFields = 11;

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

export type Owner = Pick<ManifestEntry, 'uid' | 'gid' | 'user' | 'group'>;

/** Names have no NUL, so different owners have different names here. */
export function ownerName(owner: Owner): string {
  return `${String(owner.uid)} ${String(owner.gid)} ${owner.user}\0${owner.group}`;
}
