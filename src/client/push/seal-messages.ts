// What travels between a push and its sealing threads.
import type { ChunkRef } from '../seal.js';

export interface WorkerSetup {
  /** Salt and chunker secret of the `everyone` domain (secret undefined) and of the vault's own. */
  readonly domains: readonly { readonly salt: Uint8Array; readonly chunkerSecret: Uint8Array | undefined }[];
}

export interface FileJob {
  /** The pusher's own number for the file. */
  readonly ticket: number;
  readonly source: Uint8Array;
  /** Index into `WorkerSetup.domains`. */
  readonly domain: number;
}

/** To a thread: files to seal, or room for so many more bytes. */
export type ToWorker =
  | { readonly type: 'files'; readonly files: readonly FileJob[] }
  | { readonly type: 'room'; readonly bytes: number };

/** Sealed blobs one after the other in one buffer. */
export interface SealedRun {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** 32 bytes each. */
  readonly ids: Uint8Array;
  readonly lengths: Uint32Array;
  readonly rawLengths: Uint32Array;
}

export interface SealedFile {
  readonly ticket: number;
  readonly chunks: readonly ChunkRef[];
  readonly stat: SourceStat;
  readonly sizeBytes: number;
  readonly sparse: boolean;
  readonly changed: boolean;
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

export interface FailedFile {
  readonly ticket: number;
  readonly message: string;
}

/** From a thread: runs come before the files whose last chunk they hold; `idle` after the last file of a `files` message. */
export type FromWorker =
  | { readonly type: 'run'; readonly run: SealedRun }
  | { readonly type: 'sealed'; readonly files: readonly (SealedFile | FailedFile)[] }
  | { readonly type: 'idle' };
