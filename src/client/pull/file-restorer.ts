// Fetches the content of files and has the threads write it: small files many at a time, long ones in parts that several
// threads write side by side.
import { bytesKey, concatBytes } from '../../protocol/bytes.js';
import { ProtocolError } from '../../protocol/errors.js';
import { queryIdsMax } from '../../protocol/limits.js';
import type { DaemonApi } from '../daemon-api.js';
import { ClientError, integrityError } from '../errors.js';
import { reportDamage } from '../fetch-nodes.js';
import type { ManifestEntry } from '../manifest-entry.js';
import type { ChunkRef } from '../seal.js';
import { readChunkRefs } from './read-file.js';
import {
  checkTarget,
  createTemporary,
  discardTemporary,
  type FileMetadata,
  finishFile,
  type Overwrite,
} from './restore-file.js';
import type { WholeFile } from './restore-messages.js';
import { RestorePool } from './restore-pool.js';
import type { Folder } from './target-tree.js';

/** Content of one request. */
const batchBytes = 8 * 1024 * 1024;
const batchFilesMax = 512;
/** Requests and jobs under way, so that fetching and writing overlap; bounds the memory to about eight batches. */
const inFlightMax = 4;

export interface FileToRestore {
  readonly entry: ManifestEntry;
  /** Released when the file is done. */
  readonly folder: Folder;
  readonly targetPath: Uint8Array;
  readonly metadata: FileMetadata;
  readonly overwrite: Overwrite;
}

export interface RestorerEvents {
  readonly onDone: (entry: ManifestEntry) => void;
  readonly onProblem: (entry: ManifestEntry, kind: 'damaged' | 'exists' | 'failed', message: string) => void;
}

export class FileRestorer {
  readonly #api: DaemonApi;
  readonly #events: RestorerEvents;
  readonly #pool = new RestorePool();
  readonly #inFlight = new Set<Promise<void>>();
  #batch: FileToRestore[] = [];
  #batchBytes = 0;
  #batchChunks = 0;
  #failure: Error | undefined;

  constructor(api: DaemonApi, events: RestorerEvents) {
    this.#api = api;
    this.#events = events;
  }

  /** Takes a file over; waits while enough is under way. Rejects only with faults that end the whole pull. */
  async add(file: FileToRestore): Promise<void> {
    if (file.entry.size > batchBytes) {
      await this.#restoreLong(file);
      return;
    }
    const chunks = file.entry.chunks.length;
    if (this.#batchChunks + chunks > queryIdsMax) await this.#dispatch();
    this.#batch.push(file);
    this.#batchBytes += file.entry.size;
    this.#batchChunks += chunks;
    if (this.#batchBytes >= batchBytes || this.#batch.length >= batchFilesMax) await this.#dispatch();
  }

  async finish(): Promise<void> {
    await this.#dispatch();
    while (this.#inFlight.size > 0) await Promise.race(this.#inFlight);
    this.#throwFailure();
  }

  async close(): Promise<void> {
    await this.#pool.close();
    for (const { folder } of this.#batch) folder.release();
    this.#batch = [];
  }

  async #dispatch(): Promise<void> {
    const files = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    this.#batchChunks = 0;
    if (files.length > 0) await this.#start(this.#restoreBatch(files));
  }

  /** Runs work beside other work; waits until there is room for more. */
  async #start(work: Promise<void>): Promise<void> {
    const tracked: Promise<void> = work
      .catch((error: unknown) => {
        this.#failure ??= asError(error);
      })
      .finally(() => {
        this.#inFlight.delete(tracked);
      });
    this.#inFlight.add(tracked);
    while (this.#inFlight.size >= inFlightMax) await Promise.race(this.#inFlight);
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #restoreBatch(files: readonly FileToRestore[]): Promise<void> {
    try {
      const ids: Uint8Array[] = [];
      const places = new Map<string, number>();
      const whole = files.map((file): WholeFile => {
        const blobAt = file.entry.chunks.map(({ id }) => {
          const key = bytesKey(id);
          const known = places.get(key);
          if (known !== undefined) return known;
          places.set(key, ids.length);
          return ids.push(id) - 1;
        });
        const { entry, folder, targetPath, metadata, overwrite } = file;
        const { size: sizeBytes, sparse, chunks } = entry;
        return {
          folderPath: folder.path,
          targetPath,
          sizeBytes,
          sparse,
          metadata,
          overwrite,
          chunks: chunks.map(plain),
          blobAt,
        };
      });
      const blobs = ids.length === 0 ? [] : await this.#api.fetchBlobs(ids);
      const outcomes = await this.#pool.run({ type: 'files', files: whole, blobs });
      for (const { damagedId } of outcomes) if (damagedId !== undefined) await reportDamage(this.#api, damagedId);
      files.forEach(({ entry }, at) => {
        const { outcome, message } = outcomes[at] ?? { outcome: 'failed', message: 'no answer from its thread' };
        if (outcome === 'done' || outcome === 'same') this.#events.onDone(entry);
        else if (outcome === 'taken')
          this.#events.onProblem(entry, 'exists', 'something of this name is there already');
        else this.#events.onProblem(entry, outcome, message);
      });
    } finally {
      for (const { folder } of files) folder.release();
    }
  }

  /** One long file; its parts are written side by side, and nobody sees it before the last one is. */
  async #restoreLong({ entry, folder, targetPath, metadata, overwrite }: FileToRestore): Promise<void> {
    try {
      const state = checkTarget(targetPath, overwrite, entry.size, metadata);
      if (state === 'taken') this.#events.onProblem(entry, 'exists', 'something of this name is there already');
      if (state === 'same') this.#events.onDone(entry);
      if (state !== 'free') return;
      const temporary = createTemporary(folder.path);
      try {
        await this.#writeParts(entry, temporary.file);
        finishFile(temporary, targetPath, entry.size, entry.sparse, metadata);
      } catch (error) {
        discardTemporary(temporary);
        throw error;
      }
      this.#events.onDone(entry);
    } catch (error) {
      if (error instanceof ClientError && error.code === 'integrity')
        this.#events.onProblem(entry, 'damaged', error.message);
      else if (error instanceof ClientError || error instanceof ProtocolError) throw error;
      else this.#events.onProblem(entry, 'failed', error instanceof Error ? error.message : String(error));
    } finally {
      folder.release();
    }
  }

  async #writeParts(entry: ManifestEntry, file: number): Promise<void> {
    const parts = new Set<Promise<void>>();
    let firstFault: Error | undefined;
    let offset = 0;
    let part: ChunkRef[] = [];
    let partBytes = 0;
    const write = async () => {
      const chunks = part.map(plain);
      const at = offset;
      offset += partBytes;
      part = [];
      partBytes = 0;
      const work: Promise<void> = this.#writePart(file, at, entry.sparse, chunks)
        .catch((error: unknown) => {
          firstFault ??= asError(error);
        })
        .finally(() => {
          parts.delete(work);
        });
      parts.add(work);
      while (parts.size >= inFlightMax) await Promise.race(parts);
    };
    for await (const chunk of readChunkRefs(this.#api, entry)) {
      if (firstFault !== undefined) break;
      part.push(chunk);
      partBytes += chunk.rawLength;
      if (partBytes >= batchBytes || part.length >= queryIdsMax) await write();
    }
    if (part.length > 0) await write();
    while (parts.size > 0) await Promise.race(parts);
    if (firstFault !== undefined) throw firstFault;
  }

  async #writePart(file: number, offset: number, sparse: boolean, chunks: readonly ChunkRef[]): Promise<void> {
    // Runs of one chunk, zeros mostly, are fetched once.
    const unique = [...new Map(chunks.map((chunk) => [bytesKey(chunk.id), chunk.id]))];
    const fetched = await this.#api.fetchBlobs(unique.map(([, id]) => id));
    const byKey = new Map(unique.map(([key], at) => [key, fetched[at]]));
    const blobs = chunks.map(({ id }) => byKey.get(bytesKey(id)));
    const [outcome] = await this.#pool.run({ type: 'part', part: { file, offset, sparse, chunks }, blobs });
    if (outcome?.damagedId !== undefined) await reportDamage(this.#api, outcome.damagedId);
    if (outcome?.outcome === 'damaged') throw integrityError(outcome.message);
    if (outcome?.outcome !== 'done') throw new Error(outcome?.message ?? 'no answer from its thread');
  }
}

/** A copy without the buffer that a view is part of: threads get only what they need. */
function plain(chunk: ChunkRef): ChunkRef {
  return { id: concatBytes(chunk.id), key: concatBytes(chunk.key), rawLength: chunk.rawLength };
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
