// What travels between a push and its sealing threads. Many small files make many small values, and every object that
// crosses costs more than the work on it: files and results go in columns, one array for each field.
import type { BigIntStats } from 'node:fs';
import { blobStreamHeaderBytes } from '../../protocol/blob-stream.js';
import { blobBytesMax, blobIdBytes } from '../../protocol/limits.js';
import { blobKeyBytes, type ChunkRef, type SealedLeaf } from '../seal.js';

export interface WorkerSetup {
  /** Salt and chunker secret of the `everyone` domain (secret undefined) and of the vault's own. */
  readonly domains: readonly { readonly salt: Uint8Array; readonly chunkerSecret: Uint8Array | undefined }[];
  /** How many slabs a thread may have. */
  readonly slabsMax: number;
}

export interface FileJob {
  /** The pusher's own number for the file. */
  readonly ticket: number;
  readonly source: Uint8Array;
  /** Index into `WorkerSetup.domains`. */
  readonly domain: number;
}

/** Jobs in columns; `sources` are paths, each with a NUL behind it. */
export interface FileJobs {
  readonly tickets: Uint32Array;
  readonly domains: Uint8Array;
  readonly sources: Uint8Array;
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

/** The part of a stat that entries and the push cache need. */
export interface SourceStat {
  readonly mode: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  readonly dev: bigint;
}

export interface SealedFile {
  readonly ticket: number;
  readonly chunks: readonly ChunkRef[];
  readonly stat: SourceStat;
  readonly sizeBytes: number;
  readonly sparse: boolean;
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
  readonly stats: BigInt64Array;
  /** Id, key and raw length of each chunk, 68 bytes. */
  readonly refs: Uint8Array;
}

/**
 * From a thread: runs come before the files whose last chunk they hold; `waiting` when no slab is free; `idle` after the
 * last file of a `files` message.
 */
export type FromWorker =
  | { readonly type: 'run'; readonly run: SealedRun }
  | { readonly type: 'waiting' }
  | { readonly type: 'sealed'; readonly files: SealedFiles; readonly failed: readonly FailedFile[] }
  | { readonly type: 'idle' };

const headFields = 3;
const sparseFlag = 1;
const changedFlag = 2;
const statFields = ['mode', 'uid', 'gid', 'size', 'mtimeNs', 'ctimeNs', 'ino', 'dev'] as const;
const refBytes = blobIdBytes + blobKeyBytes + 4;

export function encodeJobs(jobs: readonly FileJob[]): FileJobs {
  const tickets = Uint32Array.from(jobs, ({ ticket }) => ticket);
  const domains = Uint8Array.from(jobs, ({ domain }) => domain);
  const sources = new Uint8Array(jobs.reduce((sum, { source }) => sum + source.length + 1, 0));
  let at = 0;
  for (const { source } of jobs) {
    sources.set(source, at);
    at += source.length + 1;
  }
  return { tickets, domains, sources };
}

export function decodeJobs({ tickets, domains, sources }: FileJobs): FileJob[] {
  const jobs: FileJob[] = [];
  let at = 0;
  for (const [index, ticket] of tickets.entries()) {
    const end = sources.indexOf(0, at);
    jobs.push({ ticket, source: sources.subarray(at, end), domain: domains[index] ?? 0 });
    at = end + 1;
  }
  return jobs;
}

export function statOf(stat: BigIntStats): SourceStat {
  const { mode, uid, gid, size, mtimeNs, ctimeNs, ino, dev } = stat;
  return { mode, uid, gid, size, mtimeNs, ctimeNs, ino, dev };
}

export function encodeFiles(files: readonly FinishedFile[]): SealedFiles {
  const heads = new Uint32Array(files.length * headFields);
  const sizes = new Float64Array(files.length);
  const stats = new BigInt64Array(files.length * statFields.length);
  const refs = Buffer.allocUnsafeSlow(files.reduce((sum, { chunks }) => sum + chunks.length * refBytes, 0));
  let at = 0;
  for (const [index, file] of files.entries()) {
    const flags = (file.sparse ? sparseFlag : 0) | (file.changed ? changedFlag : 0);
    heads.set([file.ticket, file.chunks.length, flags], index * headFields);
    sizes[index] = file.sizeBytes;
    for (const [field, name] of statFields.entries()) stats[index * statFields.length + field] = file.stat[name];
    for (const { id, key, rawLength } of file.chunks) {
      refs.write(id, at, 'latin1');
      refs.write(key, at + blobIdBytes, 'latin1');
      refs.writeUInt32BE(rawLength, at + blobIdBytes + blobKeyBytes);
      at += refBytes;
    }
  }
  return { heads, sizes, stats, refs };
}

export function decodeFiles({ heads, sizes, stats, refs }: SealedFiles): SealedFile[] {
  const files: SealedFile[] = [];
  const view = new DataView(refs.buffer, refs.byteOffset, refs.byteLength);
  let at = 0;
  for (const [index, sizeBytes] of sizes.entries()) {
    const [ticket = 0, chunkCount = 0, flags = 0] = heads.subarray(index * headFields, (index + 1) * headFields);
    const field = (position: number) => stats[index * statFields.length + position] ?? 0n;
    const chunks: ChunkRef[] = [];
    for (let chunk = 0; chunk < chunkCount; chunk += 1) {
      const keyAt = at + blobIdBytes;
      const lengthAt = keyAt + blobKeyBytes;
      const id = refs.subarray(at, keyAt);
      chunks.push({ id, key: refs.subarray(keyAt, lengthAt), rawLength: view.getUint32(lengthAt) });
      at += refBytes;
    }
    files.push({
      ticket,
      chunks,
      sizeBytes,
      sparse: (flags & sparseFlag) !== 0,
      changed: (flags & changedFlag) !== 0,
      stat: {
        mode: field(0),
        uid: field(1),
        gid: field(2),
        size: field(3),
        mtimeNs: field(4),
        ctimeNs: field(5),
        ino: BigInt.asUintN(64, field(6)),
        dev: BigInt.asUintN(64, field(7)),
      },
    });
  }
  return files;
}
