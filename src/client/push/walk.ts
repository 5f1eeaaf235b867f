// Walks the sources of a push in manifest order: plain byte order of whole paths (docs/format.md, "Manifests").
import { type BigIntStats, lstatSync, readdirSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { compareBytes, concatBytes, utf8 } from '../../protocol/bytes.js';
import { ClientError } from '../errors.js';
import { checkManifestPath } from '../manifest-entry.js';

export interface Source {
  /** Absolute path on this machine. */
  readonly path: Uint8Array;
  /** Where it stands in the manifest; empty for a single directory, whose contents then stand at the root. */
  readonly manifestPath: Uint8Array;
}

export interface WalkedEntry {
  readonly kind: 'entry';
  readonly type: 'directory' | 'file' | 'symlink';
  readonly path: Uint8Array;
  readonly source: Uint8Array;
  readonly stat: BigIntStats;
}

/** Something that is not in the snapshot, and why. */
export interface WalkProblem {
  readonly kind: 'problem' | 'special';
  readonly source: Uint8Array;
  readonly message: string;
}

interface Item {
  /** What orders the items of a level: the name, with a slash behind it where a directory's contents are meant. */
  readonly key: Uint8Array;
  readonly isContents: boolean;
  readonly source: Uint8Array;
  readonly path: Uint8Array;
}

interface Level {
  readonly items: readonly Item[];
  at: number;
}

const slash = utf8('/');

function joined(folder: Uint8Array, name: Uint8Array): Uint8Array {
  if (folder.length === 0) return name;
  return folder.at(-1) === slash[0] ? concatBytes(folder, name) : concatBytes(folder, slash, name);
}

export interface FoundSources {
  readonly sources: readonly Source[];
  /** Paths that cannot be stored, as they were typed, and why. */
  readonly missing: readonly { readonly path: string; readonly message: string }[];
  /** Folders that are left out wherever they are met, as `folderKey` names them. */
  readonly leftOut: ReadonlySet<string>;
}

/** What a folder is, whatever path leads to it. */
function folderKey(stat: BigIntStats): string {
  return `${String(stat.dev)}:${String(stat.ino)}`;
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
      found.push({ path: utf8(path), manifestPath: utf8(basename(path)), isDirectory });
    } catch (error) {
      const isAbsent = absentCodes.has((error as NodeJS.ErrnoException).code);
      missing.push({ path: text, message: isAbsent ? absentMessage : reason(error) });
    }
  }
  const leftOut = new Set<string>();
  for (const folder of leaveOut) {
    const stat = statSync(folder, { bigint: true, throwIfNoEntry: false });
    if (stat !== undefined) leftOut.add(folderKey(stat));
  }
  const [first] = found;
  if (first === undefined) {
    const lines = missing.map(({ path, message }) => `'${path}': ${message}`);
    const isAbsent = missing.every(({ message }) => message === absentMessage);
    throw new ClientError(isAbsent ? 'nothing-matched' : 'failed', lines.join(', '));
  }
  if (paths.length === 1 && first.isDirectory) {
    return { sources: [{ path: first.path, manifestPath: utf8('') }], missing, leftOut };
  }
  const sources = found.sort((a, b) => compareBytes(a.manifestPath, b.manifestPath));
  sources.forEach(({ manifestPath }, at) => {
    const before = sources[at - 1];
    if (manifestPath.length === 0) throw new ClientError('usage', 'push the root folder alone, not beside other paths');
    if (before !== undefined && compareBytes(before.manifestPath, manifestPath) === 0) {
      const name = Buffer.from(manifestPath).toString();
      throw new ClientError('usage', `two of the paths are called '${name}'`, 'push them under two names');
    }
  });
  return { sources, missing, leftOut };
}

/** Contents sort as if the directory's name ended in a slash: "a", "a-b", "a/x" is the byte order of whole paths. */
function itemsOf(name: Uint8Array, source: Uint8Array, path: Uint8Array, isDirectory: boolean): Item[] {
  const entry = { key: name, isContents: false, source, path };
  return isDirectory ? [entry, { key: concatBytes(name, slash), isContents: true, source, path }] : [entry];
}

function byKey(a: Item, b: Item): number {
  return compareBytes(a.key, b.key);
}

function listItems(folder: Item): Item[] {
  const options = { encoding: 'buffer', withFileTypes: true } as const;
  const children = readdirSync(Buffer.from(folder.source), options);
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

function visit(source: Uint8Array, path: Uint8Array): WalkedEntry | WalkProblem {
  try {
    const stat = lstatSync(Buffer.from(source), { bigint: true });
    const refusal = checkManifestPath(path);
    if (refusal !== undefined) return { kind: 'problem', source, message: refusal };
    if (stat.isDirectory()) return { kind: 'entry', type: 'directory', path, source, stat };
    if (stat.isFile()) return { kind: 'entry', type: 'file', path, source, stat };
    if (stat.isSymbolicLink()) return { kind: 'entry', type: 'symlink', path, source, stat };
    const what = stat.isSocket() ? 'a socket' : stat.isFIFO() ? 'a FIFO' : 'a device';
    return { kind: 'special', source, message: `${what} is not stored` };
  } catch (error) {
    return { kind: 'problem', source, message: reason(error) };
  }
}

/** Entries in manifest order, with one problem for each thing that cannot be read; the walk itself goes on. */
export function* walk({
  sources,
  leftOut,
}: Pick<FoundSources, 'sources' | 'leftOut'>): Generator<WalkedEntry | WalkProblem> {
  const skipped = new Set<Uint8Array>();
  const top = sources.flatMap((source) => {
    const isDirectory = lstatSync(Buffer.from(source.path), { throwIfNoEntry: false })?.isDirectory() ?? false;
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
      if (visited.kind === 'entry' && visited.type === 'directory' && leftOut.has(folderKey(visited.stat))) {
        skipped.add(item.source);
        yield { kind: 'special', source: item.source, message: 'the vault does not store itself' };
      } else {
        yield visited;
      }
    }
  }
}
