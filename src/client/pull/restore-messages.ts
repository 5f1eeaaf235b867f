// What travels between a pull and its restoring threads.
import type { ChunkRef } from '../seal.js';
import type { FileMetadata, Overwrite } from './restore-file.js';

/** A whole file whose blobs come along. */
export interface WholeFile {
  readonly folderPath: Uint8Array;
  readonly targetPath: Uint8Array;
  readonly sizeBytes: number;
  readonly sparse: boolean;
  readonly metadata: FileMetadata;
  readonly overwrite: Overwrite;
  readonly chunks: readonly ChunkRef[];
  /** Places of the chunks' blobs in the job's list. */
  readonly blobAt: readonly number[];
}

/** Some chunks of a long file that is open already. */
export interface FilePart {
  readonly file: number;
  readonly offset: number;
  readonly sparse: boolean;
  readonly chunks: readonly ChunkRef[];
}

export type RestoreJob =
  | {
      readonly type: 'files';
      readonly files: readonly WholeFile[];
      readonly blobs: readonly (Uint8Array | undefined)[];
    }
  | { readonly type: 'part'; readonly part: FilePart; readonly blobs: readonly (Uint8Array | undefined)[] };

/** `damaged`: bytes that are not what the manifest says, or are not there. */
export interface RestoreOutcome {
  readonly outcome: 'done' | 'same' | 'taken' | 'failed' | 'damaged';
  readonly message: string;
  /** Of the blob that is damaged, where the daemon gave one. */
  readonly damagedId?: Uint8Array;
}

/** One outcome a file, or one for a part. */
export type RestoreAnswer = readonly RestoreOutcome[];
