// Walks the sources of a push in manifest order: plain byte order of whole paths (docs/format.md, "Manifests").
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { type ByteText, byteTextOf, comparePaths, manifestPathProblem, systemPath, textOf } from '../byte-text.js';
import { ClientError } from '../errors.js';
import { fileKey, type SourceStat, sourceStatOf } from './source-stat.js';

export interface Source {
  /** Absolute path on this machine. */
  readonly path: ByteText;
  /** Where it stands in the manifest; empty for a single directory, whose contents then stand at the root. */
  readonly manifestPath: ByteText;
}

export interface WalkedEntry {
  readonly kind: 'entry';
  readonly type: 'directory' | 'file' | 'symlink';
  readonly path: ByteText;
  readonly source: ByteText;
  readonly stat: SourceStat;
}

/** Something that is not in the snapshot, and why. */
export interface WalkProblem {
  readonly kind: 'problem' | 'special';
  readonly source: ByteText;
  readonly message: string;
}

export type WalkItem = WalkedEntry | WalkProblem;

interface Item {
  /** What orders the items of a level: the name, with a slash behind it where a directory's contents are meant. */
  readonly key: ByteText;
  readonly isContents: boolean;
  readonly source: ByteText;
  readonly path: ByteText;
}

interface Level {
  readonly items: readonly Item[];
  at: number;
}

function joined(folder: ByteText, name: ByteText): ByteText {
  if (folder.length === 0) return name;
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

export interface FoundSources {
  readonly sources: readonly Source[];
  /** Paths that cannot be stored, as they were typed, and why. */
  readonly missing: readonly { readonly path: string; readonly message: string }[];
  /** Folders that are left out wherever they are met, as `fileKey` names them. */
  readonly leftOut: ReadonlySet<string>;
}

const absentCodes: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);
const absentMessage = 'does not exist';

/**
 * Turns command-line paths into sources. One directory stands for its contents; anything else stands under its own last
 * name. Throws ClientError `nothing-matched` when none of the paths exists, `failed` when none can be looked at, `usage`
 * for two sources of one name. `leaveOut` are folders that must not be stored, such as the vault that is pushed into.
 */
export function findSources(
  paths: readonly string[],
  workingFolder: string,
  leaveOut: readonly string[] = [],
): FoundSources {
  const missing: { path: string; message: string }[] = [];
  const found: (Source & { readonly isDirectory: boolean })[] = [];
  for (const text of paths) {
    const path = resolve(workingFolder, text);
    try {
      const isDirectory = lstatSync(path).isDirectory();
      found.push({ path: byteTextOf(path), manifestPath: byteTextOf(basename(path)), isDirectory });
    } catch (error) {
      const isAbsent = absentCodes.has((error as NodeJS.ErrnoException).code);
      missing.push({ path: text, message: isAbsent ? absentMessage : reason(error) });
    }
  }
  const leftOut = new Set<string>();
  for (const folder of leaveOut) {
    const stat = statSync(folder, { bigint: true, throwIfNoEntry: false });
    if (stat !== undefined) leftOut.add(fileKey(sourceStatOf(stat)));
  }
  const [first] = found;
  if (first === undefined) {
    const lines = missing.map(({ path, message }) => `'${path}': ${message}`);
    const isAbsent = missing.every(({ message }) => message === absentMessage);
    throw new ClientError(isAbsent ? 'nothing-matched' : 'failed', lines.join(', '));
  }
  if (paths.length === 1 && first.isDirectory) {
    return { sources: [{ path: first.path, manifestPath: '' }], missing, leftOut };
  }
  const sources = found.sort((a, b) => comparePaths(a.manifestPath, b.manifestPath));
  sources.forEach(({ manifestPath }, at) => {
    const before = sources[at - 1];
    if (manifestPath.length === 0) throw new ClientError('usage', 'push the root folder alone, not beside other paths');
    if (before?.manifestPath === manifestPath) {
      const name = textOf(manifestPath);
      throw new ClientError('usage', `two of the paths are called '${name}'`, 'push them under two names');
    }
  });
  return { sources, missing, leftOut };
}

/** Contents sort as if the directory's name ended in a slash: "a", "a-b", "a/x" is the byte order of whole paths. */
function itemsOf(name: ByteText, source: ByteText, path: ByteText, isDirectory: boolean): Item[] {
  const entry = { key: name, isContents: false, source, path };
  return isDirectory ? [entry, { key: `${name}/`, isContents: true, source, path }] : [entry];
}

function byKey(a: Item, b: Item): number {
  return comparePaths(a.key, b.key);
}

function listItems(folder: Item): Item[] {
  const children = readdirSync(systemPath(folder.source), { encoding: 'latin1', withFileTypes: true });
  return children
    .flatMap((child) => {
      const source = joined(folder.source, child.name);
      return itemsOf(child.name, source, joined(folder.path, child.name), child.isDirectory());
    })
    .sort(byKey);
}

/** Why something cannot be read, in the words of the user. */
export function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  // ELOOP: a symlink has taken the place of a file.
  if (code === 'ENOENT' || code === 'ELOOP') return 'vanished while it was read';
  return error instanceof Error ? error.message : String(error);
}

function visit(source: ByteText, path: ByteText): WalkItem {
  try {
    const stat = lstatSync(systemPath(source), { bigint: true });
    const refusal = manifestPathProblem(path);
    if (refusal !== undefined) return { kind: 'problem', source, message: refusal };
    const entry = (type: WalkedEntry['type']) =>
      ({ kind: 'entry', type, path, source, stat: sourceStatOf(stat) }) as const;
    if (stat.isFile()) return entry('file');
    if (stat.isDirectory()) return entry('directory');
    if (stat.isSymbolicLink()) return entry('symlink');
    const what = stat.isSocket() ? 'a socket' : stat.isFIFO() ? 'a FIFO' : 'a device';
    return { kind: 'special', source, message: `${what} is not stored` };
  } catch (error) {
    return { kind: 'problem', source, message: reason(error) };
  }
}

/** Entries in manifest order, with one problem for each thing that cannot be read; the walk itself goes on. */
export function* walk({ sources, leftOut }: Pick<FoundSources, 'sources' | 'leftOut'>): Generator<WalkItem> {
  const skipped = new Set<ByteText>();
  const top = sources.flatMap((source) => {
    const isDirectory = lstatSync(systemPath(source.path), { throwIfNoEntry: false })?.isDirectory() ?? false;
    return itemsOf(source.manifestPath, source.path, source.manifestPath, isDirectory);
  });
  const levels: Level[] = [{ items: top.sort(byKey), at: 0 }];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const item = level.items[level.at];
    level.at += 1;
    if (item === undefined) {
      levels.pop();
    } else if (item.isContents) {
      if (skipped.has(item.source)) continue;
      try {
        levels.push({ items: listItems(item), at: 0 });
      } catch (error) {
        yield { kind: 'problem', source: item.source, message: reason(error) };
      }
    } else {
      const visited = visit(item.source, item.path);
      if (visited.kind === 'entry' && visited.type === 'directory' && leftOut.has(fileKey(visited.stat))) {
        skipped.add(item.source);
        yield { kind: 'special', source: item.source, message: 'the vault does not store itself' };
      } else {
        yield visited;
      }
    }
  }
}
