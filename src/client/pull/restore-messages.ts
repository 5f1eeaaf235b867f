// What travels between a pull and its restoring threads: in columns, because the objects of thousands of small files would
// cost more than the work on them. Blobs do not travel: they lie in a slab of memory that both sides see.
import type { ByteText } from '../byte-text.js';
import { blobKeyBytes } from '../seal.js';
import type { FileMetadata, FileTarget, Overwrite } from './restore-file.js';

/** A blob's place in the slab of a job. */
export interface BlobPlace {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** A chunk of content, and where its blob lies; undefined where the daemon did not give it. */
export interface PlacedChunk {
  readonly key: Uint8Array;
  readonly rawLength: number;
  readonly place: BlobPlace | undefined;
}

/** A whole file whose blobs are in the slab. */
export interface WholeFile {
  readonly target: FileTarget;
  readonly sizeBytes: number;
  readonly sparse: boolean;
  readonly metadata: FileMetadata;
  readonly chunks: readonly PlacedChunk[];
}

/** Chunks in columns: place and raw length, three numbers each, and the keys. */
export interface ChunkColumns {
  readonly numbers: Uint32Array;
  readonly keys: Uint8Array;
}

export interface FileColumns {
  /** With a NUL between them. */
  readonly targetPaths: ByteText;
  readonly numbers: Float64Array;
  readonly chunks: ChunkColumns;
}

export type RestoreJob =
  | {
      readonly type: 'files';
      readonly slab: SharedArrayBuffer;
      readonly files: FileColumns;
      readonly overwrite: Overwrite;
    }
  /** Some chunks of a long file that is open already. */
  | {
      readonly type: 'part';
      readonly slab: SharedArrayBuffer;
      readonly file: number;
      readonly offset: number;
      readonly sparse: boolean;
      readonly chunks: ChunkColumns;
    };

/** `damaged`: bytes that are not what the manifest says, or are not there. */
export interface RestoreOutcome {
  readonly outcome: 'done' | 'same' | 'taken' | 'failed' | 'damaged';
  readonly message: string;
  /** Of the blob that is damaged, where the daemon gave one. */
  readonly damagedId?: Uint8Array;
}

/** Outcomes by the number of the file in its job, 0 for a part; those that are not here are `done`. */
export type RestoreAnswer = readonly (readonly [file: number, outcome: RestoreOutcome])[];

const absentBlob = 0xffffffff;
const chunkFields = 3;
const fileFields = 9;
/** An owner that is left to the system. */
const noOwner = -1;

export function encodeChunks(chunks: readonly PlacedChunk[]): ChunkColumns {
  const numbers = new Uint32Array(chunks.length * chunkFields);
  const keys = new Uint8Array(chunks.length * blobKeyBytes);
  chunks.forEach(({ key, rawLength, place }, index) => {
    const at = index * chunkFields;
    numbers[at] = place?.offset ?? absentBlob;
    numbers[at + 1] = place?.lengthBytes ?? 0;
    numbers[at + 2] = rawLength;
    keys.set(key, index * blobKeyBytes);
  });
  return { numbers, keys };
}

export function decodeChunks(
  { numbers, keys }: ChunkColumns,
  from = 0,
  to = numbers.length / chunkFields,
): PlacedChunk[] {
  const chunks: PlacedChunk[] = [];
  for (let index = from; index < to; index += 1) {
    const field = (position: number) => numbers[index * chunkFields + position] ?? 0;
    const offset = field(0);
    const place = offset === absentBlob ? undefined : { offset, lengthBytes: field(1) };
    const rawLength = field(2);
    chunks.push({ key: keys.subarray(index * blobKeyBytes, (index + 1) * blobKeyBytes), rawLength, place });
  }
  return chunks;
}

export function encodeWholeFiles(files: readonly WholeFile[]): FileColumns {
  const numbers = new Float64Array(files.length * fileFields);
  files.forEach(({ target, sizeBytes, sparse, metadata, chunks }, index) => {
    const { mode, owner, mtimeSeconds, mtimeNanoseconds } = metadata;
    const at = index * fileFields;
    numbers[at] = sizeBytes;
    numbers[at + 1] = sparse ? 1 : 0;
    numbers[at + 2] = mode;
    numbers[at + 3] = owner?.uid ?? noOwner;
    numbers[at + 4] = owner?.gid ?? noOwner;
    numbers[at + 5] = mtimeSeconds;
    numbers[at + 6] = mtimeNanoseconds;
    numbers[at + 7] = chunks.length;
    numbers[at + 8] = target.folder;
  });
  const targetPaths = files.map(({ target }) => target.path).join('\0');
  return { targetPaths, numbers, chunks: encodeChunks(files.flatMap(({ chunks }) => chunks)) };
}

export function decodeWholeFiles({ targetPaths, numbers, chunks }: FileColumns): WholeFile[] {
  let chunkAt = 0;
  return targetPaths.split('\0').map((path, index) => {
    const field = (position: number) => numbers[index * fileFields + position] ?? 0;
    const uid = field(3);
    const from = chunkAt;
    chunkAt += field(7);
    return {
      target: { folder: field(8), path },
      sizeBytes: field(0),
      sparse: field(1) === 1,
      metadata: {
        mode: field(2),
        owner: uid === noOwner ? undefined : { uid, gid: field(4) },
        mtimeSeconds: field(5),
        mtimeNanoseconds: field(6),
      },
      chunks: decodeChunks(chunks, from, chunkAt),
    };
  });
}
