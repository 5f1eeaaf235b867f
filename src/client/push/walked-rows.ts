// What a walk meets, as rows of bytes: everything that tells two versions of an entry apart, then its path. An entry that has
// not changed has the same row as before, so that a push compares bytes and makes objects only of what is new to it.
import type { ByteText } from '../byte-text.js';
import { readStat, type SourceStat, statBytes, writeStat } from './source-stat.js';

export const rowTypes = ['directory', 'file', 'symlink'] as const;

export interface RowEntry {
  readonly type: (typeof rowTypes)[number];
  readonly path: ByteText;
  readonly stat: SourceStat;
}

/** Bytes and a view of all of them: accessors of a view are many times as fast as those of a buffer. */
export interface RowMemory {
  readonly bytes: Buffer;
  readonly view: DataView;
}

export function rowMemoryOf(bytes: Uint8Array): RowMemory {
  const { buffer, byteOffset, byteLength } = bytes;
  return { bytes: Buffer.from(buffer, byteOffset, byteLength), view: new DataView(buffer, byteOffset, byteLength) };
}

/** Where the fields of a row begin, in bytes; the path is as long as the first field says. */
const fields = { pathBytes: 0, type: 2, stat: 3, path: 3 + statBytes } as const;

export function rowBytesOf(path: ByteText): number {
  return fields.path + path.length;
}

/** Writes a row at `at`, where there is room for it. Returns where it ends. */
export function writeRow({ bytes, view }: RowMemory, at: number, { type, path, stat }: RowEntry): number {
  view.setUint16(at + fields.pathBytes, path.length);
  view.setUint8(at + fields.type, rowTypes.indexOf(type));
  writeStat(view, at + fields.stat, stat);
  bytes.write(path, at + fields.path, 'latin1');
  return at + fields.path + path.length;
}

export function readRow(memory: RowMemory, at: number): RowEntry {
  const { bytes, view } = memory;
  return {
    type: rowTypeAt(memory, at),
    path: bytes.toString('latin1', at + fields.path, rowEnd(memory, at)),
    stat: readStat(view, at + fields.stat),
  };
}

export function rowTypeAt({ view }: RowMemory, at: number): RowEntry['type'] {
  return rowTypes[view.getUint8(at + fields.type)] ?? 'file';
}

export function rowEnd({ view }: RowMemory, at: number): number {
  return at + fields.path + view.getUint16(at + fields.pathBytes);
}

/** A copy of the row's path. */
export function rowPath(memory: RowMemory, at: number): Uint8Array {
  return new Uint8Array(memory.bytes.subarray(at + fields.path, rowEnd(memory, at)));
}

export function isSameRow(a: RowMemory, aAt: number, b: RowMemory, bAt: number): boolean {
  return a.bytes.compare(b.bytes, bAt, rowEnd(b, bAt), aAt, rowEnd(a, aAt)) === 0;
}

/** Negative where the path of `a` comes first, 0 where both are the same. */
export function compareRowPaths(a: RowMemory, aAt: number, b: RowMemory, bAt: number): number {
  return a.bytes.compare(b.bytes, bAt + fields.path, rowEnd(b, bAt), aAt + fields.path, rowEnd(a, aAt));
}
