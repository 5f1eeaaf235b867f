// Writes one file: into a temporary name, every chunk checked first, then renamed. Runs in the restoring threads, and for
// long files in parts; everything here is synchronous.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  lstatSync,
  lutimesSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { concatBytes, toHex, utf8 } from '../../protocol/bytes.js';
import { integrityError } from '../errors.js';
import { type ChunkRef, openLeaf } from '../seal.js';
import { systemCalls } from '../system-calls.js';

export interface FileMetadata {
  readonly mode: number;
  /** Undefined where ownership is left to the system. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
}

export type Overwrite = 'never' | 'if-changed' | 'always';

const slash = utf8('/');
const holeBlockBytes = 4096;
const zeroBlock = new Uint8Array(holeBlockBytes);

export interface TemporaryFile {
  readonly file: number;
  readonly path: Uint8Array;
}

/** Random once a thread, then counted: thousands of files a second want names. */
const temporaryPrefix = `.jaycloud-${toHex(randomBytes(8))}-`;
let temporaryCount = 0;

export function createTemporary(folderPath: Uint8Array): TemporaryFile {
  temporaryCount += 1;
  const path = concatBytes(folderPath, slash, utf8(`${temporaryPrefix}${String(temporaryCount)}.tmp`));
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
  return { file: openSync(Buffer.from(path), flags, 0o600), path };
}

function writeAll(file: number, bytes: Uint8Array, offset: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, offset + at);
}

/** Writes what is not zero, in blocks of the file system's usual size; the rest stays a hole. */
function writeAroundHoles(file: number, bytes: Uint8Array, offset: number): void {
  let dataFrom = -1;
  for (let at = 0; at < bytes.length; at += holeBlockBytes) {
    const block = bytes.subarray(at, at + holeBlockBytes);
    const isZero = Buffer.compare(block, zeroBlock.subarray(0, block.length)) === 0;
    if (!isZero && dataFrom < 0) dataFrom = at;
    if (isZero && dataFrom >= 0) {
      writeAll(file, bytes.subarray(dataFrom, at), offset + dataFrom);
      dataFrom = -1;
    }
  }
  if (dataFrom >= 0) writeAll(file, bytes.subarray(dataFrom), offset + dataFrom);
}

/** A chunk whose blob is not what its id says; `id` lets the daemon check its own copy. */
export class DamagedChunk extends Error {
  override readonly name = 'DamagedChunk';
  readonly id: Uint8Array;

  constructor(id: Uint8Array, cause: unknown) {
    super(cause instanceof Error ? cause.message : 'damaged', { cause });
    this.id = id;
  }
}

function openChunk(chunk: ChunkRef, blob: Uint8Array): Uint8Array {
  try {
    return openLeaf(chunk, blob);
  } catch (cause) {
    throw new DamagedChunk(chunk.id, cause);
  }
}

/**
 * Checks, opens and writes chunks one after the other from `offset`. Throws DamagedChunk, or ClientError `integrity` for a
 * chunk that is not there, before it writes anything wrong.
 */
export function writeChunks(
  file: number,
  offset: number,
  chunks: readonly ChunkRef[],
  blobs: readonly (Uint8Array | undefined)[],
  sparse: boolean,
): number {
  let at = offset;
  chunks.forEach((chunk, index) => {
    const blob = blobs[index];
    if (blob === undefined) throw integrityError('the daemon does not have all of its content');
    const bytes = openChunk(chunk, blob);
    if (sparse) writeAroundHoles(file, bytes, at);
    else writeAll(file, bytes, at);
    at += bytes.length;
  });
  return at;
}

/** Sets the modification time of `path` itself, to the nanosecond where the system lets us. */
export function setModified(path: Uint8Array, { mtimeSeconds, mtimeNanoseconds }: FileMetadata): void {
  const calls = systemCalls();
  if (calls?.setModified(path, mtimeSeconds, mtimeNanoseconds) === true) return;
  const seconds = mtimeSeconds + mtimeNanoseconds / 1e9;
  lutimesSync(Buffer.from(path), seconds, seconds);
}

/** What stands in the way of an entry: nothing, the very same file, or something that the rule protects. */
export function checkTarget(
  path: Uint8Array,
  overwrite: Overwrite,
  sizeBytes: number,
  metadata: FileMetadata,
): 'free' | 'same' | 'taken' {
  const stat = lstatSync(Buffer.from(path), { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return 'free';
  if (overwrite === 'never' || stat.isDirectory()) return 'taken';
  const wanted = BigInt(metadata.mtimeSeconds) * 1_000_000_000n + BigInt(metadata.mtimeNanoseconds);
  const isSame = stat.isFile() && stat.size === BigInt(sizeBytes) && stat.mtimeNs === wanted;
  return overwrite === 'if-changed' && isSame ? 'same' : 'free';
}

/** Gives the temporary file its length, owner, mode, time and name, in this order: a changed owner clears setuid. */
export function finishFile(
  temporary: TemporaryFile,
  target: Uint8Array,
  sizeBytes: number,
  sparse: boolean,
  metadata: FileMetadata,
): void {
  const { file, path } = temporary;
  // Only a hole at the end leaves a file shorter than its content.
  if (sparse) ftruncateSync(file, sizeBytes);
  if (metadata.owner !== undefined) fchownSync(file, metadata.owner.uid, metadata.owner.gid);
  fchmodSync(file, metadata.mode);
  closeSync(file);
  setModified(path, metadata);
  renameSync(Buffer.from(path), Buffer.from(target));
}

export function discardTemporary({ file, path }: TemporaryFile): void {
  try {
    closeSync(file);
  } catch {
    // Closed already: only the name is left to remove.
  }
  rmSync(Buffer.from(path), { force: true });
}
