// What travels between a push and its sealing threads. Many small files make many small values, and every object that
// crosses costs more than the work on it: files and results go in columns, one array for each field.
import { blobStreamHeaderBytes } from '../../protocol/blob-stream.js';
import { blobBytesMax } from '../../protocol/limits.js';
import type { ByteText } from '../byte-text.js';
import type { ChunkRef, SealedLeaf } from '../seal.js';
import { readChunkRefs, refBytes, refFields } from './chunk-refs.js';
import { decodeStat, encodeStats, type SourceStat } from './source-stat.js';

export interface WorkerSetup {
  /** Salt and chunker secret of the `everyone` domain (secret undefined) and of the vault's own. */
  readonly domains: readonly { readonly salt: Uint8Array; readonly chunkerSecret: Uint8Array | undefined }[];
  /** How many slabs a thread may have. */
  readonly slabsMax: number;
}

export interface FileJob {
  /** The pusher's own number for the file. */
  readonly ticket: number;
  readonly source: ByteText;
  /** Index into `WorkerSetup.domains`. */
  readonly domain: number;
  /** As the walk saw the file. */
  readonly stat: SourceStat;
}

/** One job or more, in columns; `sources` are paths with a NUL between them. */
export interface FileJobs {
  readonly tickets: Uint32Array;
  readonly domains: Uint8Array;
  readonly sources: ByteText;
  readonly stats: DataView<ArrayBuffer>;
}

/** To a thread: files to seal, or a slab of which one run is done with. */
export type ToWorker =
  | { readonly type: 'files'; readonly jobs: FileJobs }
  | { readonly type: 'give-back'; readonly slab: number };

/** One slab holds any record, with room to spare for small ones. */
export const slabBytes = 64 * 1024 + blobStreamHeaderBytes + blobBytesMax;

/** Records of sealed blobs one after the other in a slab of the thread, which keeps its hands off until they are given back. */
export interface SealedRun {
  readonly slab: number;
  /** The slab itself, with the first run in it. */
  readonly memory: SharedArrayBuffer | undefined;
  readonly fromByte: number;
  readonly toByte: number;
  readonly rawLengths: Uint32Array;
}

export interface SealedFile {
  readonly ticket: number;
  readonly chunks: readonly ChunkRef[];
  /** The version that was read; undefined where it is the one that the walk saw. */
  readonly stat: SourceStat | undefined;
  readonly sizeBytes: number;
  readonly changed: boolean;
}

/** A chunk as its thread names it. */
export type SealedChunk = SealedLeaf & { readonly rawLength: number };

/** A sealed file on the thread's side. */
export type FinishedFile = Omit<SealedFile, 'chunks'> & { readonly chunks: readonly SealedChunk[] };

export interface FailedFile {
  readonly ticket: number;
  readonly message: string;
}

/** Sealed files in columns. */
export interface SealedFiles {
  /** Ticket, number of chunks and flags of each file. */
  readonly heads: Uint32Array;
  readonly sizes: Float64Array;
  /** Of the files that have one, in order. */
  readonly stats: DataView<ArrayBuffer>;
  /** Of all chunks, in order. */
  readonly refs: Uint8Array;
}

/**
 * From a thread: runs come before the files whose last chunk they hold; `passed` tells how much content it has got through
 * since the last one, less what it has to take back; `waiting` when no slab is free, and again when one is; `idle` after
 * the last file of a `files` message.
 */
export type FromWorker =
  | { readonly type: 'run'; readonly run: SealedRun }
  | { readonly type: 'passed'; readonly bytes: number }
  | { readonly type: 'waiting'; readonly isWaiting: boolean }
  | { readonly type: 'sealed'; readonly files: SealedFiles; readonly failed: readonly FailedFile[] }
  | { readonly type: 'idle' };

const headFields = 3;
const changedFlag = 1;
const statFlag = 2;

export function encodeJobs(jobs: readonly FileJob[]): FileJobs {
  return {
    tickets: Uint32Array.from(jobs, ({ ticket }) => ticket),
    domains: Uint8Array.from(jobs, ({ domain }) => domain),
    sources: jobs.map(({ source }) => source).join('\0'),
    stats: encodeStats(jobs.map(({ stat }) => stat)),
  };
}

export function decodeJobs({ tickets, domains, sources, stats }: FileJobs): FileJob[] {
  return sources.split('\0').map((source, index) => ({
    ticket: tickets[index] ?? 0,
    source,
    domain: domains[index] ?? 0,
    stat: decodeStat(stats, index),
  }));
}

export function encodeFiles(files: readonly FinishedFile[]): SealedFiles {
  const heads = new Uint32Array(files.length * headFields);
  const sizes = new Float64Array(files.length);
  const refs = Buffer.allocUnsafeSlow(files.reduce((sum, { chunks }) => sum + chunks.length * refBytes, 0));
  let at = 0;
  for (const [index, file] of files.entries()) {
    heads[index * headFields] = file.ticket;
    heads[index * headFields + 1] = file.chunks.length;
    heads[index * headFields + 2] = (file.changed ? changedFlag : 0) | (file.stat === undefined ? 0 : statFlag);
    sizes[index] = file.sizeBytes;
    for (const { id, key, rawLength } of file.chunks) {
      refs.write(id, at + refFields.id, 'latin1');
      refs.write(key, at + refFields.key, 'latin1');
      refs.writeUInt32BE(rawLength, at + refFields.rawLength);
      at += refBytes;
    }
  }
  return { heads, sizes, stats: encodeStats(files.flatMap(({ stat }) => stat ?? [])), refs };
}

/** Memory that moves to the receiver instead of being copied. */
export function memoryOf({ heads, sizes, stats, refs }: SealedFiles): ArrayBuffer[] {
  return [heads, sizes, stats, refs].map(({ buffer }) => buffer as ArrayBuffer);
}

export function decodeFiles({ heads, sizes, stats, refs }: SealedFiles): SealedFile[] {
  const files: SealedFile[] = [];
  const view = new DataView(refs.buffer, refs.byteOffset, refs.byteLength);
  let at = 0;
  let statAt = 0;
  for (const [index, sizeBytes] of sizes.entries()) {
    const flags = heads[index * headFields + 2] ?? 0;
    const chunkCount = heads[index * headFields + 1] ?? 0;
    const hasStat = (flags & statFlag) !== 0;
    files.push({
      ticket: heads[index * headFields] ?? 0,
      chunks: readChunkRefs(view, at, chunkCount),
      stat: hasStat ? decodeStat(stats, statAt) : undefined,
      sizeBytes,
      changed: (flags & changedFlag) !== 0,
    });
    at += chunkCount * refBytes;
    if (hasStat) statAt += 1;
  }
  return files;
}
