// Fetches the content of files and has the threads write it: small files many at a time, long ones in parts. What is
// fetched goes into slabs of memory that are used again and again and that the threads read from.
import { leafRecordBytesMax } from '../../protocol/blob-stream.js';
import { ProtocolError } from '../../protocol/errors.js';
import { queryIdsMax } from '../../protocol/limits.js';
import { LongAnswerError } from '../daemon-answer.js';
import type { DaemonApi } from '../daemon-api.js';
import { ClientError } from '../errors.js';
import { reportDamage } from '../fetch-nodes.js';
import { isFar } from '../line-window.js';
import type { ManifestEntry } from '../manifest-entry.js';
import { FetchSlabs, SlabFetcher } from './fetch-slabs.js';
import { FileParts, track } from './file-parts.js';
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
import { encodeWholeFiles, type RestoreOutcome } from './restore-messages.js';
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
  /** Content of files that are not done was written; below zero where it does not count any more. */
  readonly onWritten: (bytes: number) => void;
  readonly onProblem: (entry: ManifestEntry, kind: 'damaged' | 'exists' | 'failed', message: string) => void;
}

const takenMessage = 'something of this name is there already';

export class FileRestorer {
  readonly #api: DaemonApi;
  readonly #overwrite: Overwrite;
  readonly #events: RestorerEvents;
  readonly #pool = new RestorePool();
  readonly #slabs: FetchSlabs;
  readonly #longFilesMax: number;
  readonly #fetcher: SlabFetcher;
  readonly #parts: FileParts;
  readonly #batches = new Set<Promise<void>>();
  readonly #longFiles = new Set<Promise<void>>();
  readonly #temporaries = new Set<TemporaryFile>();
  #batch: FileToRestore[] = [];
  #batchBytes = 0;
  #batchChunks = 0;
  #failure: Error | undefined;

  constructor(api: DaemonApi, overwrite: Overwrite, events: RestorerEvents) {
    this.#api = api;
    const { bytes, parts } = isFar(api.roundTripMs) ? farSlabs : nearSlabs;
    this.#longFilesMax = isFar(api.roundTripMs) ? longFilesMax.far : longFilesMax.near;
    const slabs = new FetchSlabs((this.#pool.threads + slabsAhead) * parts, bytes);
    const fetcher = new SlabFetcher(api, { requestBytesMax: bytes, inFlightBytesMax: slabs.count * bytes });
    this.#slabs = slabs;
    this.#fetcher = fetcher;
    this.#parts = new FileParts({ api, pool: this.#pool, slabs, fetcher });
    this.#overwrite = overwrite;
    this.#events = events;
  }

  /** Takes a file over; a promise while enough is under way. Rejects only with faults that end the whole pull. */
  add(file: FileToRestore): Promise<void> | undefined {
    const { chunks, chunkLists } = file.entry;
    const bytes = chunks.reduce((sum, { rawLength }) => sum + leafRecordBytesMax(rawLength), 0);
    if (chunkLists.length > 0 || bytes > this.#slabs.slabBytes) return this.#startLong(file);
    const isFull =
      this.#batchBytes + bytes > this.#slabs.slabBytes ||
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
      let writtenBytes = 0;
      try {
        await this.#parts.write(entry, temporary.file, (bytes) => {
          writtenBytes += bytes;
          this.#events.onWritten(bytes);
        });
        const { size: sizeBytes, sparse } = entry;
        outcome = finishFile(temporary, target, { sizeBytes, sparse, metadata, overwrite: this.#overwrite });
      } catch (error) {
        discardTemporary(temporary);
        throw error;
      } finally {
        this.#temporaries.delete(temporary);
        // From here on the file counts as a whole or not at all.
        this.#events.onWritten(-writtenBytes);
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
}

/** The daemon or the user has ended it; everything else is the fault of one file. */
function endsThePull(error: unknown): boolean {
  const isInterruption = error instanceof Error && error.name === 'AbortError';
  return error instanceof ClientError || error instanceof ProtocolError || isInterruption;
}
