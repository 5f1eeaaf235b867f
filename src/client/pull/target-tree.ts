// The folder that a pull writes into (docs/architecture.md, "Safe restore"). On Linux everything below it is reached through
// handles of its folders (/proc/self/fd/N/name), so no symlink, old or swapped in meanwhile, leads out of it. Elsewhere
// each component is checked to be a real folder before it is used.
import { closeSync, constants, existsSync, lstatSync, mkdirSync, openSync } from 'node:fs';
import { type ByteText, byteTextOf, comparePaths, systemPath } from '../byte-text.js';
import { ClientError } from '../errors.js';
import { makeFolders } from '../make-folders.js';

const openFoldersMax = 256;
const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const hasHandles = process.platform === 'linux' && existsSync('/proc/self/fd');

/** An open folder; `path` names it for system calls, in any thread, until it is released. */
export interface Folder {
  /** The descriptor, or -1 where folders are named by their path. */
  readonly file: number;
  readonly path: ByteText;
  release(): void;
}

interface OpenFolder {
  /** The descriptor, or -1 where folders are named by their path. */
  readonly file: number;
  readonly path: ByteText;
  users: number;
}

export function lastComponent(path: ByteText): ByteText {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function parentOf(path: ByteText): ByteText {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** The path of `name` in a folder, for system calls. */
export function inFolder(folder: Folder, name: ByteText): ByteText {
  return `${folder.path}/${name}`;
}

/** On Linux a folder is named by its handle. */
function handlePath(file: number): ByteText {
  return `/proc/self/fd/${String(file)}`;
}

export class TargetTree {
  readonly #folders = new Map<string, OpenFolder>();

  /** Opens the folder, making it and its parents where they are missing. Throws ClientError `failed`. */
  constructor(root: string) {
    try {
      makeFolders(root);
      // The user named this one: a symlink here is the user's own choice.
      const file = hasHandles ? openSync(root, constants.O_RDONLY | constants.O_DIRECTORY) : -1;
      const path = hasHandles ? handlePath(file) : byteTextOf(root);
      this.#folders.set('', { file, path, users: 1 });
    } catch (cause) {
      throw new ClientError('failed', `cannot write into '${root}': ${(cause as Error).message}`, undefined, { cause });
    }
  }

  /** Opens a folder below the root, making what is missing. Throws the system's error where something else is in the way. */
  folder(path: ByteText): Folder {
    let open = this.#folders.get(path);
    if (open === undefined) {
      const parent = this.folder(parentOf(path));
      try {
        open = openBelow(parent, lastComponent(path));
      } finally {
        parent.release();
      }
    } else {
      this.#folders.delete(path);
    }
    // Most recently used last; held before any is closed, so that it is never this one.
    this.#folders.set(path, open);
    const held = open;
    held.users += 1;
    this.#closeOld();
    let isHeld = true;
    return {
      file: held.file,
      path: held.path,
      release: () => {
        if (isHeld) held.users -= 1;
        isHeld = false;
      },
    };
  }

  close(): void {
    for (const { file } of this.#folders.values()) if (file >= 0) closeSync(file);
    this.#folders.clear();
  }

  #closeOld(): void {
    if (this.#folders.size <= openFoldersMax) return;
    for (const [key, { file, users }] of this.#folders) {
      if (users > 0) continue;
      this.#folders.delete(key);
      if (file >= 0) closeSync(file);
      if (this.#folders.size <= openFoldersMax) return;
    }
  }
}

function openBelow(parent: Folder, name: ByteText): OpenFolder {
  const inParent = inFolder(parent, name);
  const path = systemPath(inParent);
  try {
    // Only the owner may look in until the folder gets its own mode at the end.
    mkdirSync(path, 0o700);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  if (!hasHandles) {
    if (!lstatSync(path).isDirectory()) throw new Error('something else is in the way of a folder');
    return { file: -1, path: inParent, users: 0 };
  }
  try {
    const file = openSync(path, folderFlags);
    return { file, path: handlePath(file), users: 0 };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ELOOP' || code === 'ENOTDIR') throw new Error('something else is in the way of a folder');
    throw error;
  }
}

/** Orders paths so that contents come before their folders: times of a folder are set when nothing changes in it any more. */
export function deepestFirst(a: ByteText, b: ByteText): number {
  return comparePaths(b, a);
}
