// One pull: read the manifest, fetch what it refers to, write it below a folder (docs/architecture.md, "Safe restore").
import { chmodSync, lchownSync, linkSync, rmSync, symlinkSync } from 'node:fs';
import { bytesKey, equalBytes } from '../../protocol/bytes.js';
import { type ByteText, systemPath } from '../byte-text.js';
import { ClientError } from '../errors.js';
import { createFetchNodes } from '../fetch-nodes.js';
import type { ManifestEntry } from '../manifest-entry.js';
import { readManifest } from '../manifest-reader.js';
import type { Snapshot } from '../snapshots.js';
import { expectBuffers, keepHeapsSmall } from '../thread-memory.js';
import type { Vault } from '../vault.js';
import { FileRestorer } from './file-restorer.js';
import { checkTarget, type FileMetadata, type Overwrite, setModified } from './restore-file.js';
import { deepestFirst, type Folder, inFolder, lastComponent, parentOf, TargetTree } from './target-tree.js';

export interface PullOptions {
  readonly snapshot: Snapshot;
  /** Only this entry and what lies below it; empty for everything. */
  readonly path: Uint8Array;
  readonly destination: string;
  readonly overwrite: Overwrite;
  readonly keepOwner: boolean;
  readonly keepSetuid: boolean;
  readonly onProblem: (problem: PullProblem) => void;
  /** A promise where problems are told faster than they are read. */
  readonly whenTold: () => Promise<unknown> | undefined;
}

export interface PullProblem {
  /** `damaged`: what the daemon gave is not what was pushed, or is not there. */
  readonly kind: 'damaged' | 'exists' | 'failed';
  readonly path: Uint8Array;
  readonly message: string;
}

export interface PullProgress {
  files: number;
  bytes: number;
}

export interface PullResult {
  readonly files: number;
  readonly bytes: number;
  readonly problems: number;
  readonly damaged: number;
}

interface Deferred {
  readonly entry: ManifestEntry;
  readonly target: ByteText;
}

const setuidBits = 0o6000;
/** Where files are longer than this on average, it is their content that makes a pull long. */
const longFileBytes = 256 * 1024;

/** Restores one snapshot or a part of it. What cannot be restored is reported and the rest goes on. */
export async function pull(vault: Vault, options: PullOptions, progress: PullProgress): Promise<PullResult> {
  const { files, bytes } = options.snapshot.record.counts;
  if (bytes > files * longFileBytes) expectBuffers();
  else keepHeapsSmall();
  const tree = new TargetTree(options.destination);
  const run = new PullRun(vault, options, tree, progress);
  try {
    return await run.run();
  } finally {
    await run.close();
    tree.close();
  }
}

class PullRun {
  readonly #vault: Vault;
  readonly #options: PullOptions;
  readonly #tree: TargetTree;
  readonly #progress: PullProgress;
  readonly #files: FileRestorer;
  readonly #folders: Deferred[] = [];
  readonly #symlinks: Deferred[] = [];
  readonly #hardlinks: Deferred[] = [];
  /** Manifest paths of files that are not there now, by `bytesKey`. */
  readonly #absent = new Set<string>();
  #base: ByteText | undefined;
  #problems = 0;
  #damaged = 0;

  constructor(vault: Vault, options: PullOptions, tree: TargetTree, progress: PullProgress) {
    this.#vault = vault;
    this.#options = options;
    this.#tree = tree;
    this.#progress = progress;
    this.#files = new FileRestorer(vault.api, options.overwrite, {
      onDone: (entry) => {
        progress.files += 1;
        progress.bytes += entry.size;
      },
      onWritten: (bytes) => {
        progress.bytes += bytes;
      },
      onProblem: (entry, kind, message) => {
        this.#absent.add(bytesKey(entry.path));
        this.#problem(kind, entry.path, message);
      },
    });
  }

  async run(): Promise<PullResult> {
    const { snapshot, path } = this.#options;
    let isFound = false;
    const fetchNodes = createFetchNodes(this.#vault.api);
    for await (const item of readManifest(snapshot.record.root, fetchNodes, { prefix: path })) {
      isFound = true;
      if ('gap' in item) {
        const message = `about ${String(item.gap.entries)} entries from here on are lost: ${item.gap.cause.message}`;
        this.#problem('damaged', item.gap.firstPath, message);
      } else {
        const waiting = this.#restore(item.entry);
        if (waiting !== undefined) await waiting;
        const telling = this.#options.whenTold();
        if (telling !== undefined) await telling;
      }
    }
    if (!isFound && path.length > 0) {
      const name = Buffer.from(path).toString();
      throw new ClientError('nothing-matched', `the snapshot has no '${name}'`, "'jaycloud ls' shows what it has");
    }
    await this.#files.finish();
    await this.#linkFiles();
    this.#makeSymlinks();
    this.#finishFolders();
    const { files, bytes } = this.#progress;
    return { files, bytes, problems: this.#problems, damaged: this.#damaged };
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  /** Where an entry goes: a folder that was asked for becomes the destination itself, anything else keeps its name. */
  #targetOf(entry: ManifestEntry): ByteText {
    const path = bytesKey(entry.path);
    if (this.#base === undefined) {
      const isFolder = entry.type === 'directory' && equalBytes(entry.path, this.#options.path);
      this.#base = isFolder ? path : parentOf(bytesKey(this.#options.path));
    }
    return this.#base.length === 0 ? path : path.slice(this.#base.length + 1);
  }

  /** Returns a promise only where it must be waited for. */
  #restore(entry: ManifestEntry): Promise<void> | undefined {
    const target = this.#targetOf(entry);
    if (entry.type === 'symlink') this.#symlinks.push({ entry, target });
    else if (entry.type === 'directory') this.#makeFolder(entry, target);
    else if (entry.hardlinkTo !== undefined) this.#hardlinks.push({ entry, target });
    else return this.#restoreFile(entry, target);
    return undefined;
  }

  #restoreFile(entry: ManifestEntry, target: ByteText): Promise<void> | undefined {
    let folder: Folder;
    try {
      folder = this.#tree.folder(parentOf(target));
    } catch (error) {
      this.#absent.add(bytesKey(entry.path));
      this.#problem('failed', entry.path, (error as Error).message);
      return undefined;
    }
    const path = inFolder(folder, lastComponent(target));
    return this.#files.add({
      entry,
      folder,
      target: { folder: folder.file, path },
      metadata: this.#metadataOf(entry),
    });
  }

  #makeFolder(entry: ManifestEntry, target: ByteText): void {
    try {
      this.#tree.folder(target).release();
      this.#folders.push({ entry, target });
    } catch (error) {
      this.#problem('failed', entry.path, (error as Error).message);
    }
  }

  #metadataOf(entry: ManifestEntry): FileMetadata {
    const { uid, gid, mtimeSeconds, mtimeNanoseconds } = entry;
    const mode = this.#options.keepSetuid || entry.type === 'directory' ? entry.mode : entry.mode & ~setuidBits;
    return { mode, owner: this.#options.keepOwner ? { uid, gid } : undefined, mtimeSeconds, mtimeNanoseconds };
  }

  /** Links go to files of this run only; where the first name was not pulled or is lost, a further name becomes a file. */
  async #linkFiles(): Promise<void> {
    const stand = new Map<string, Deferred>();
    const links: [Deferred, Deferred][] = [];
    for (const deferred of this.#hardlinks) {
      const first = deferred.entry.hardlinkTo ?? deferred.entry.path;
      const key = bytesKey(first);
      const standIn = stand.get(key);
      if (standIn !== undefined) links.push([deferred, standIn]);
      else if (this.#isSelected(first) && !this.#absent.has(key)) {
        const target = this.#targetOf({ ...deferred.entry, path: first, type: 'file' });
        links.push([deferred, { entry: { ...deferred.entry, path: first }, target }]);
      } else {
        stand.set(key, deferred);
        await this.#restoreFile(deferred.entry, deferred.target);
      }
    }
    await this.#files.finish();
    for (const [deferred, to] of links) {
      this.#place(deferred, (path) => {
        const folder = this.#tree.folder(parentOf(to.target));
        try {
          linkSync(systemPath(inFolder(folder, lastComponent(to.target))), systemPath(path));
        } finally {
          folder.release();
        }
        this.#progress.files += 1;
        this.#progress.bytes += deferred.entry.size;
      });
    }
  }

  #isSelected(path: Uint8Array): boolean {
    const prefix = this.#options.path;
    if (prefix.length === 0 || equalBytes(path, prefix)) return true;
    return (
      path.length > prefix.length && path[prefix.length] === 0x2f && equalBytes(path.subarray(0, prefix.length), prefix)
    );
  }

  /** Last of all, so that nothing is ever written through one. */
  #makeSymlinks(): void {
    for (const deferred of this.#symlinks) {
      const { entry } = deferred;
      this.#place(deferred, (path) => {
        symlinkSync(Buffer.from(entry.linkTarget ?? new Uint8Array()), systemPath(path));
        if (this.#options.keepOwner) lchownSync(systemPath(path), entry.uid, entry.gid);
        setModified(path, this.#metadataOf(entry));
      });
    }
  }

  #place({ entry, target }: Deferred, make: (path: ByteText) => void): void {
    try {
      const folder = this.#tree.folder(parentOf(target));
      try {
        const path = inFolder(folder, lastComponent(target));
        const state = checkTarget(path, this.#options.overwrite, -1, this.#metadataOf(entry));
        if (state === 'taken') {
          this.#problem('exists', entry.path, 'something of this name is there already');
          return;
        }
        rmSync(systemPath(path), { force: true });
        make(path);
      } finally {
        folder.release();
      }
    } catch (error) {
      this.#problem('failed', entry.path, (error as Error).message);
    }
  }

  /** Modes and times of folders, contents first: a time set earlier would be changed by what is made inside. */
  #finishFolders(): void {
    for (const { entry, target } of this.#folders.sort((a, b) => deepestFirst(a.target, b.target))) {
      try {
        const folder = this.#tree.folder(target);
        try {
          // The trailing dot follows the handle and not a name.
          const path = `${folder.path}/.`;
          const metadata = this.#metadataOf(entry);
          if (metadata.owner !== undefined) lchownSync(systemPath(path), entry.uid, entry.gid);
          chmodSync(systemPath(path), metadata.mode);
          setModified(path, metadata);
        } finally {
          folder.release();
        }
      } catch (error) {
        this.#problem('failed', entry.path, (error as Error).message);
      }
    }
  }

  #problem(kind: PullProblem['kind'], path: Uint8Array, message: string): void {
    this.#problems += 1;
    if (kind === 'damaged') this.#damaged += 1;
    this.#options.onProblem({ kind, path, message });
  }
}
