// Writes one file: into a temporary name, every chunk checked first, then renamed. Runs in the restoring threads, and for
// long files in parts; everything here is synchronous.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  lstatSync,
  lutimesSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { blobStreamHeaderBytes } from '../../protocol/blob-stream.js';
import { toHex } from '../../protocol/bytes.js';
import { blobIdBytes } from '../../protocol/limits.js';
import { type ByteText, systemPath } from '../byte-text.js';
import { integrityError } from '../errors.js';
import { openingBytes, openLeaf } from '../seal.js';
import { type SystemCalls, systemCalls } from '../system-calls.js';
import type { PlacedChunk } from './restore-messages.js';
import { lastComponent, parentOf } from './target-tree.js';

export interface FileMetadata {
  readonly mode: number;
  /** Undefined where ownership is left to the system. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
}

export type Overwrite = 'never' | 'if-changed' | 'always';

const holeBlockBytes = 4096;
const zeroBlock = new Uint8Array(holeBlockBytes);

/** Where a file goes. */
export interface FileTarget {
  /** The open folder, or -1 where folders are named by their paths. */
  readonly folder: number;
  /** Folder and name, for system calls. */
  readonly path: ByteText;
}

export interface TemporaryFile {
  readonly file: number;
  readonly path: ByteText;
  /** False once `file` is closed: another thread's file may have that number by then. */
  isOpen: boolean;
}

/** Random once a thread, then counted: thousands of files a second want names. */
const temporaryPrefix = `.jaycloud-${toHex(randomBytes(8))}-`;
let temporaryCount = 0;

/** Names in an open folder are found without walking a path: with three of them a file that counts. */
function handleCalls({ folder }: FileTarget): SystemCalls | undefined {
  return folder < 0 ? undefined : systemCalls();
}

export function createTemporary(target: FileTarget): TemporaryFile {
  temporaryCount += 1;
  const name = `${temporaryPrefix}${String(temporaryCount)}.tmp`;
  const path = `${parentOf(target.path)}/${name}`;
  const made = handleCalls(target)?.createFile(target.folder, name);
  if (made !== undefined) return { file: made, path, isOpen: true };
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
  return { file: openSync(systemPath(path), flags, 0o600), path, isOpen: true };
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

/** Chunks are opened here, one at a time in a thread. */
let openingMemory: Buffer | undefined;

function openChunk({ key, rawLength }: PlacedChunk, record: Uint8Array): Uint8Array {
  openingMemory ??= Buffer.allocUnsafeSlow(openingBytes);
  const id = record.subarray(0, blobIdBytes);
  try {
    return openLeaf({ id, key, rawLength }, record.subarray(blobStreamHeaderBytes), openingMemory);
  } catch (cause) {
    throw new DamagedChunk(id.slice(), cause);
  }
}

/**
 * Checks, opens and writes chunks one after the other from `offset`; the id of a blob stands before it in the slab. Throws
 * DamagedChunk, or ClientError `integrity` for a chunk that is not there, before it writes anything wrong.
 */
export function writeChunks(
  file: number,
  offset: number,
  chunks: readonly PlacedChunk[],
  slab: Uint8Array,
  sparse: boolean,
): void {
  let at = offset;
  for (const chunk of chunks) {
    const { place } = chunk;
    if (place === undefined) throw integrityError('the daemon does not have all of its content');
    const record = slab.subarray(place.offset - blobStreamHeaderBytes, place.offset + place.lengthBytes);
    const bytes = openChunk(chunk, record);
    if (sparse) writeAroundHoles(file, bytes, at);
    else writeAll(file, bytes, at);
    at += bytes.length;
  }
}

/** Sets the modification time of `path` itself, to the nanosecond where the system lets us. */
export function setModified(path: ByteText, { mtimeSeconds, mtimeNanoseconds }: FileMetadata): void {
  const calls = systemCalls();
  if (calls?.setModified(path, mtimeSeconds, mtimeNanoseconds) === true) return;
  const seconds = mtimeSeconds + mtimeNanoseconds / 1e9;
  lutimesSync(systemPath(path), seconds, seconds);
}

function setFileModified(file: number, { mtimeSeconds, mtimeNanoseconds }: FileMetadata): void {
  if (systemCalls()?.setFileModified(file, mtimeSeconds, mtimeNanoseconds) === true) return;
  const seconds = mtimeSeconds + mtimeNanoseconds / 1e9;
  futimesSync(file, seconds, seconds);
}

/** True where `finishFile` notices by itself that the name is taken: nobody need look before. */
export function isTakenSeenAtRename(target: FileTarget, overwrite: Overwrite): boolean {
  return overwrite === 'never' && handleCalls(target) !== undefined;
}

/** What stands in the way of an entry: nothing, the very same file, or something that the rule protects. */
export function checkTarget(
  path: ByteText,
  overwrite: Overwrite,
  sizeBytes: number,
  metadata: FileMetadata,
): 'free' | 'same' | 'taken' {
  const stat = lstatSync(systemPath(path), { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return 'free';
  if (overwrite === 'never' || stat.isDirectory()) return 'taken';
  const wanted = BigInt(metadata.mtimeSeconds) * 1_000_000_000n + BigInt(metadata.mtimeNanoseconds);
  const isSame = stat.isFile() && stat.size === BigInt(sizeBytes) && stat.mtimeNs === wanted;
  return overwrite === 'if-changed' && isSame ? 'same' : 'free';
}

export interface FileToFinish {
  readonly sizeBytes: number;
  readonly sparse: boolean;
  readonly metadata: FileMetadata;
  readonly overwrite: Overwrite;
}

/**
 * Gives the temporary file its length, owner, mode, time and name, in this order: a changed owner clears setuid. `taken`
 * where `overwrite` protects what has the name by now; the temporary file is gone then.
 */
export function finishFile(
  temporary: TemporaryFile,
  target: FileTarget,
  { sizeBytes, sparse, metadata, overwrite }: FileToFinish,
): 'done' | 'taken' {
  const { file, path } = temporary;
  // Only a hole at the end leaves a file shorter than its content.
  if (sparse) ftruncateSync(file, sizeBytes);
  if (metadata.owner !== undefined) fchownSync(file, metadata.owner.uid, metadata.owner.gid);
  fchmodSync(file, metadata.mode);
  setFileModified(file, metadata);
  close(temporary);
  const renamed =
    overwrite === 'never'
      ? handleCalls(target)?.renameNew(target.folder, lastComponent(path), lastComponent(target.path))
      : undefined;
  if (renamed === 'renamed') return 'done';
  if (renamed === 'taken' || checkTarget(target.path, overwrite, sizeBytes, metadata) === 'taken') {
    rmSync(systemPath(path), { force: true });
    return 'taken';
  }
  renameSync(systemPath(path), systemPath(target.path));
  return 'done';
}

function close(temporary: TemporaryFile): void {
  if (!temporary.isOpen) return;
  temporary.isOpen = false;
  closeSync(temporary.file);
}

/** May be called again. */
export function discardTemporary(temporary: TemporaryFile): void {
  close(temporary);
  rmSync(systemPath(temporary.path), { force: true });
}
