// What travels from the walking thread: a batch of what was met, in columns, one array for each field.
import type { ByteText } from '../byte-text.js';
import { decodeStat, encodeStats, type StatColumns } from './source-stat.js';
import type { FoundSources, WalkedEntry, WalkItem, WalkProblem } from './walk.js';

export interface WalkSetup {
  readonly found: Pick<FoundSources, 'sources' | 'leftOut'>;
  /** One word: how many batches the pusher has not taken yet. */
  readonly ahead: Int32Array<SharedArrayBuffer>;
}

/** Paths in one text each, with a NUL between them: no path has one. */
export interface WalkBatch {
  /** What each is, as an index into `types`; `problem` where it is none of them. */
  readonly types: Uint8Array;
  readonly sources: ByteText;
  /** Of entries, in order, as are the stats. */
  readonly paths: ByteText;
  readonly stats: StatColumns;
  /** In order, for what is no entry. */
  readonly problems: readonly WalkProblem[];
}

/** Batches first, then the end; a walk that throws ends with the thread's error. */
export type FromWalker = { readonly type: 'batch'; readonly batch: WalkBatch } | { readonly type: 'end' };

/** The walk may be so many batches ahead: enough that neither waits for the other, a megabyte or two of paths. */
export const batchesAheadMax = 8;
export const batchItemsMax = 512;

const types: readonly WalkedEntry['type'][] = ['directory', 'file', 'symlink'];
const noEntry = types.length;

export function encodeBatch(items: readonly WalkItem[]): WalkBatch {
  const entries = items.filter((item) => item.kind === 'entry');
  return {
    types: Uint8Array.from(items, (item) => (item.kind === 'entry' ? types.indexOf(item.type) : noEntry)),
    sources: entries.map(({ source }) => source).join('\0'),
    paths: entries.map(({ path }) => path).join('\0'),
    stats: encodeStats(entries.map(({ stat }) => stat)),
    problems: items.filter((item) => item.kind !== 'entry'),
  };
}

export function decodeBatch({ types: kinds, sources, paths, stats, problems }: WalkBatch): WalkItem[] {
  const sourceOf = sources.split('\0');
  const pathOf = paths.split('\0');
  let entryAt = 0;
  let problemAt = 0;
  const items: WalkItem[] = [];
  for (const kind of kinds) {
    const type = types[kind];
    if (type === undefined) {
      const problem = problems[problemAt];
      if (problem !== undefined) items.push(problem);
      problemAt += 1;
    } else {
      const [source, path] = [sourceOf[entryAt] ?? '', pathOf[entryAt] ?? ''];
      items.push({ kind: 'entry', type, path, source, stat: decodeStat(stats, entryAt) });
      entryAt += 1;
    }
  }
  return items;
}
