// Writes one pack: a temp file that becomes visible under its final name only when every byte is on disk
// (docs/storage.md, "Write order").
import assert from 'node:assert/strict';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  createPackId,
  encodePackHeader,
  packFolder,
  packHeaderBytes,
  packPath,
  packsFolder,
  tempFolder,
} from './pack-format.js';
import { syncFolder } from './sync-folder.js';

/** Smaller appends are gathered until a write is at least this long. */
const writeBytesMin = 256 * 1024;

/** Beyond this many bytes not yet written, `append` asks its caller to wait. */
const backlogBytesMax = 4 * 1024 * 1024;

/** Runs a disk operation for its caller. */
export type OnDisk = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * One pack being written. End with `finish` or `abort`; `abort` after a failed `finish` is allowed and needed. Errors of
 * the file system pass as they are.
 */
export class PackWriter {
  readonly packId: string;
  readonly #dataDir: string;
  readonly #tempPath: string;
  readonly #handle: FileHandle;
  readonly #onDisk: OnDisk;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #unwrittenBytes = 0;
  #sizeBytes = 0;
  #writes: Promise<void> = Promise.resolve();
  #writeFailure: unknown;
  #isOpen = true;

  private constructor(dataDir: string, packId: string, tempPath: string, handle: FileHandle, onDisk: OnDisk) {
    this.#onDisk = onDisk;
    this.#dataDir = dataDir;
    this.packId = packId;
    this.#tempPath = tempPath;
    this.#handle = handle;
    this.#enqueue(encodePackHeader());
  }

  /** `onDisk` is told of everything that keeps the disk busy. */
  static async create(dataDir: string, onDisk: OnDisk = (work) => work()): Promise<PackWriter> {
    const packId = createPackId();
    const folder = tempFolder(dataDir);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const tempPath = join(folder, `${packId}.tmp`);
    const handle = await open(tempPath, 'wx', 0o600);
    return new PackWriter(dataDir, packId, tempPath, handle, onDisk);
  }

  /** Bytes of the pack so far, header included. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get isEmpty(): boolean {
    return this.#sizeBytes === packHeaderBytes;
  }

  /** Adds a piece of the run of records; it may end anywhere. The bytes must not change until the pack is finished. */
  append(piece: Uint8Array): void {
    assert(this.#isOpen, 'append to a pack that is closed');
    this.#enqueue(piece);
    if (this.#queuedBytes >= writeBytesMin) this.#write();
  }

  /** What to wait for before appending more; undefined while the disk keeps up. Rejects when a write failed. */
  backlog(): Promise<void> | undefined {
    if (this.#writeFailure === undefined && this.#unwrittenBytes <= backlogBytesMax) return undefined;
    return this.#settled();
  }

  /** Puts the pack on disk under its final name. After this every byte survives a power cut. */
  async finish(): Promise<void> {
    assert(this.#isOpen, 'finish of a pack that is closed');
    this.#write();
    await this.#settled();
    await this.#onDisk(() => this.#publish());
  }

  async #publish(): Promise<void> {
    await this.#handle.sync();
    this.#isOpen = false;
    await this.#handle.close();
    const folder = packFolder(this.#dataDir, this.packId);
    const firstNew = await mkdir(folder, { recursive: true, mode: 0o700 });
    await rename(this.#tempPath, packPath(this.#dataDir, this.packId));
    await syncFolder(folder);
    if (firstNew !== undefined) {
      await syncFolder(packsFolder(this.#dataDir));
      await syncFolder(dirname(packsFolder(this.#dataDir)));
    }
  }

  /** Removes whatever was written, under either name. */
  async abort(): Promise<void> {
    await this.#writes;
    try {
      if (this.#isOpen) {
        this.#isOpen = false;
        await this.#handle.close();
      }
    } finally {
      await rm(this.#tempPath, { force: true });
      await rm(packPath(this.#dataDir, this.packId), { force: true });
    }
  }

  #enqueue(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#unwrittenBytes += bytes.length;
    this.#sizeBytes += bytes.length;
  }

  #write(): void {
    let pieces = this.#queue;
    const lengthBytes = this.#queuedBytes;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#writes = this.#writes.then(async () => {
      if (this.#writeFailure !== undefined) return;
      try {
        while (pieces.length > 0) {
          const { bytesWritten } = await this.#onDisk(() => this.#handle.writev(pieces));
          pieces = dropWritten(pieces, bytesWritten);
        }
        this.#unwrittenBytes -= lengthBytes;
      } catch (error) {
        this.#writeFailure = error;
      }
    });
  }

  async #settled(): Promise<void> {
    await this.#writes;
    if (this.#writeFailure !== undefined) {
      throw this.#writeFailure instanceof Error ? this.#writeFailure : new Error('write failed');
    }
  }
}

/** What is left of `pieces` behind their first `writtenBytes`. */
function dropWritten(pieces: readonly Uint8Array[], writtenBytes: number): Uint8Array[] {
  let skipBytes = writtenBytes;
  const left: Uint8Array[] = [];
  for (const piece of pieces) {
    if (piece.length > skipBytes) left.push(piece.subarray(skipBytes));
    skipBytes = Math.max(0, skipBytes - piece.length);
  }
  return left;
}
