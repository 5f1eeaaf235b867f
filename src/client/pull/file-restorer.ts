// Fetches the content of files and has the threads write it: small files many at a time, long ones in parts. What is
// fetched goes into slabs of memory that are used again and again and that the threads read from.
import { leafRecordBytesMax } from '../../protocol/blob-stream.js';
import { ProtocolError } from '../../protocol/errors.js';
import { queryIdsMax } from '../../protocol/limits.js';
import { LongAnswerError } from '../daemon-answer.js';
import type { DaemonApi } from '../daemon-api.js';
import { ClientError, integrityError } from '../errors.js';
import { reportDamage } from '../fetch-nodes.js';
import { isFar } from '../line-window.js';
import type { ManifestEntry } from '../manifest-entry.js';
import type { ChunkRef } from '../seal.js';
import { FetchSlabs, SlabFetcher } from './fetch-slabs.js';
import { readChunkRefs } from './read-file.js';
import {
  checkTarget,
  createTemporary,
  discardTemporary,
  type FileMetadata,
  type FileTarget,
  finishFile,
  type Overwrite,
  type TemporaryFile,
} from './restore-file.js';
import { encodeChunks, encodeWholeFiles, type RestoreOutcome } from './restore-messages.js';
import { RestorePool } from './restore-pool.js';
import type { Folder } from './target-tree.js';

/** The records of one batch: large enough that requests are few, small enough that several fit in memory. */
const nearSlabs = { bytes: 6 * 1024 * 1024, parts: 1 };
/** A slab waits for the slowest of its requests, and over a long line they differ by seconds: there are more and smaller ones. */
const farSlabs = { bytes: 4.5 * 1024 * 1024, parts: 2 };
const batchFilesMax = 512;
/** Slabs beside those that the threads work on: some are being filled. */
const slabsAhead = 4;
/** Long files that are written side by side; where there are more, the line does not idle while the end of one is waited for. */
const longFilesMax = { near: 2, far: 8 };

export interface FileToRestore {
  readonly entry: ManifestEntry;
  /** Released when the file is done. */
  readonly folder: Folder;
  readonly target: FileTarget;
  readonly metadata: FileMetadata;
}

export interface RestorerEvents {
  readonly onDone: (entry: ManifestEntry) => void;
  readonly onProblem: (entry: ManifestEntry, kind: 'damaged' | 'exists' | 'failed', message: string) => void;
}

const takenMessage = 'something of this name is there already';

export class FileRestorer {
  readonly #api: DaemonApi;
  readonly #overwrite: Overwrite;
  readonly #events: RestorerEvents;
  readonly #pool = new RestorePool();
  readonly #slabBytes: number;
  readonly #slabs: FetchSlabs;
  readonly #longFilesMax: number;
  readonly #fetcher: SlabFetcher;
  readonly #batches = new Set<Promise<void>>();
  readonly #longFiles = new Set<Promise<void>>();
  readonly #temporaries = new Set<TemporaryFile>();
  #longFileCount = 0;
  #batch: FileToRestore[] = [];
  #batchBytes = 0;
  #batchChunks = 0;
  #failure: Error | undefined;

  constructor(api: DaemonApi, overwrite: Overwrite, events: RestorerEvents) {
    this.#api = api;
    const { bytes, parts } = isFar(api.roundTripMs) ? farSlabs : nearSlabs;
    this.#longFilesMax = isFar(api.roundTripMs) ? longFilesMax.far : longFilesMax.near;
    this.#slabBytes = bytes;
    this.#slabs = new FetchSlabs((this.#pool.threads + slabsAhead) * parts, this.#slabBytes);
    this.#fetcher = new SlabFetcher(api, {
      requestBytesMax: this.#slabBytes,
      inFlightBytesMax: this.#slabs.count * this.#slabBytes,
    });
    this.#overwrite = overwrite;
    this.#events = events;
  }

  /** Takes a file over; a promise while enough is under way. Rejects only with faults that end the whole pull. */
  add(file: FileToRestore): Promise<void> | undefined {
    const { chunks, chunkLists } = file.entry;
    const bytes = chunks.reduce((sum, { rawLength }) => sum + leafRecordBytesMax(rawLength), 0);
    if (chunkLists.length > 0 || bytes > this.#slabBytes) return this.#startLong(file);
    const isFull =
      this.#batchBytes + bytes > this.#slabBytes ||
      this.#batchChunks + chunks.length > queryIdsMax ||
      this.#batch.length === batchFilesMax;
    const waiting = isFull ? this.#dispatch() : undefined;
    this.#batch.push(file);
    this.#batchBytes += bytes;
    this.#batchChunks += chunks.length;
    return waiting;
  }

  async finish(): Promise<void> {
    await this.#dispatch();
    for (const underWay of [this.#batches, this.#longFiles]) while (underWay.size > 0) await Promise.race(underWay);
    this.#throwFailure();
  }

  /** Ends what is under way; of files that are not complete nothing stays. */
  async close(): Promise<void> {
    await this.#pool.close();
    for (const temporary of this.#temporaries) discardTemporary(temporary);
    this.#temporaries.clear();
    for (const { folder } of this.#batch) folder.release();
    this.#batch = [];
  }

  async #dispatch(): Promise<void> {
    const files = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    this.#batchChunks = 0;
    if (files.length > 0) await this.#start(this.#batches, this.#slabs.count, this.#restoreBatch(files));
  }

  async #startLong(file: FileToRestore): Promise<void> {
    await this.#start(this.#longFiles, this.#longFilesMax, this.#restoreLong(file));
  }

  /** Runs work beside other work; waits until there is room for more. */
  async #start(underWay: Set<Promise<void>>, most: number, work: Promise<void>): Promise<void> {
    track(underWay, work, (error) => {
      this.#failure ??= error;
    });
    while (underWay.size >= most) await Promise.race(underWay);
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #restoreBatch(files: readonly FileToRestore[]): Promise<void> {
    try {
      await this.#restoreTogether(files);
    } catch (error) {
      if (!(error instanceof LongAnswerError)) throw error;
      // Some file names what cannot be one of its chunks: it must not take the others with it.
      const [file] = files;
      if (files.length > 1) for (const one of files) await this.#restoreBatch([one]);
      else if (file !== undefined) this.#events.onProblem(file.entry, 'damaged', 'its content is not what it says');
    } finally {
      for (const { folder } of files) folder.release();
    }
  }

  async #restoreTogether(files: readonly FileToRestore[]): Promise<void> {
    const slab = await this.#slabs.take();
    try {
      const chunks = files.flatMap(({ entry }) => entry.chunks);
      const placed = await this.#fetcher.fetchInto(slab, chunks);
      let at = 0;
      const whole = files.map(({ entry, target, metadata }) => {
        const from = at;
        at += entry.chunks.length;
        const { size: sizeBytes, sparse } = entry;
        return { target, sizeBytes, sparse, metadata, chunks: placed.slice(from, at) };
      });
      const overwrite = this.#overwrite;
      const answer = await this.#pool.run({ type: 'files', slab, files: encodeWholeFiles(whole), overwrite });
      const outcomes = new Map(answer);
      for (const [index, { entry }] of files.entries()) {
        const outcome = outcomes.get(index);
        if (outcome === undefined) this.#events.onDone(entry);
        else await this.#settle(entry, outcome);
      }
    } finally {
      this.#slabs.giveBack(slab);
    }
  }

  async #settle(entry: ManifestEntry, { outcome, message, damagedId }: RestoreOutcome): Promise<void> {
    if (damagedId !== undefined) await reportDamage(this.#api, damagedId);
    if (outcome === 'done' || outcome === 'same') this.#events.onDone(entry);
    else if (outcome === 'taken') this.#events.onProblem(entry, 'exists', takenMessage);
    else this.#events.onProblem(entry, outcome, message);
  }

  /** One long file; its parts are fetched side by side, and nobody sees it before the last one is written. */
  async #restoreLong({ entry, folder, target, metadata }: FileToRestore): Promise<void> {
    try {
      const state = checkTarget(target.path, this.#overwrite, entry.size, metadata);
      if (state !== 'free') {
        await this.#settle(entry, { outcome: state, message: '' });
        return;
      }
      const temporary = createTemporary(target);
      this.#temporaries.add(temporary);
      let outcome: RestoreOutcome['outcome'];
      try {
        await this.#writeParts(entry, temporary.file);
        const { size: sizeBytes, sparse } = entry;
        outcome = finishFile(temporary, target, { sizeBytes, sparse, metadata, overwrite: this.#overwrite });
      } catch (error) {
        discardTemporary(temporary);
        throw error;
      } finally {
        this.#temporaries.delete(temporary);
      }
      await this.#settle(entry, { outcome, message: '' });
    } catch (error) {
      const isDamage = error instanceof ClientError && error.code === 'integrity';
      if (isDamage) this.#events.onProblem(entry, 'damaged', error.message);
      else if (endsThePull(error)) throw error;
      else this.#events.onProblem(entry, 'failed', error instanceof Error ? error.message : String(error));
    } finally {
      folder.release();
    }
  }

  async #writeParts(entry: ManifestEntry, file: number): Promise<void> {
    const parts = new Set<Promise<void>>();
    const preferred = this.#longFileCount;
    this.#longFileCount += 1;
    let fault: Error | undefined;
    let offset = 0;
    let part: ChunkRef[] = [];
    let partBytes = 0;
    let recordBytes = 0;
    const write = async () => {
      const work = this.#writePart({ file, offset, sparse: entry.sparse, chunks: part, preferred });
      offset += partBytes;
      part = [];
      partBytes = 0;
      recordBytes = 0;
      track(parts, work, (error) => {
        fault ??= error;
      });
      while (parts.size >= this.#slabs.count) await Promise.race(parts);
    };
    try {
      for await (const chunk of readChunkRefs(this.#api, entry)) {
        if (fault !== undefined) break;
        const bytes = leafRecordBytesMax(chunk.rawLength);
        if (recordBytes + bytes > this.#slabBytes || part.length === queryIdsMax) await write();
        part.push(chunk);
        partBytes += chunk.rawLength;
        recordBytes += bytes;
      }
      if (part.length > 0) await write();
    } catch (error) {
      fault ??= asError(error);
    }
    // Whatever happened: the file is closed next, and no thread may still be writing to its number.
    while (parts.size > 0) await Promise.race(parts);
    if (fault !== undefined) throw fault;
  }

  async #writePart(part: {
    readonly file: number;
    readonly offset: number;
    readonly sparse: boolean;
    readonly chunks: readonly ChunkRef[];
    readonly preferred: number;
  }): Promise<void> {
    const { file, offset, sparse, preferred } = part;
    const slab = await this.#slabs.take();
    try {
      const chunks = encodeChunks(await this.#fetcher.fetchInto(slab, part.chunks));
      const answer = await this.#pool.run({ type: 'part', slab, file, offset, sparse, chunks }, preferred);
      const outcome = answer[0]?.[1];
      if (outcome?.damagedId !== undefined) await reportDamage(this.#api, outcome.damagedId);
      if (outcome?.outcome === 'damaged') throw integrityError(outcome.message);
      if (outcome !== undefined) throw new Error(outcome.message);
    } finally {
      this.#slabs.giveBack(slab);
    }
  }
}

/** The daemon or the user has ended it; everything else is the fault of one file. */
function endsThePull(error: unknown): boolean {
  const isInterruption = error instanceof Error && error.name === 'AbortError';
  return error instanceof ClientError || error instanceof ProtocolError || isInterruption;
}

/** Keeps running work in a set until it ends; a fault goes to `onFault`. */
function track(underWay: Set<Promise<void>>, work: Promise<void>, onFault: (error: Error) => void): void {
  const tracked: Promise<void> = work
    .catch((thrown: unknown) => {
      onFault(asError(thrown));
    })
    .finally(() => {
      underWay.delete(tracked);
    });
  underWay.add(tracked);
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
