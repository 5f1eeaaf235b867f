// Paths of any bytes as texts of one character a byte (latin1). A walk makes hundreds of thousands of them, and a text
// costs a fraction of what a byte array costs to make, to compare and to throw away; compared, they are in byte order.
import { fromBytesKey } from '../protocol/bytes.js';
import { checkManifestPath } from './manifest-entry.js';

/** Bytes as `bytesKey` writes them. Not what a user reads: see `textOf`. */
export type ByteText = string;

const beyondAscii = /[\u0080-\uffff]/;
/** Every name in a folder is shorter, and none is empty, `.` or `..`. */
const componentBytesMax = 255;

export function byteTextOf(text: string): ByteText {
  return beyondAscii.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** For messages: bytes that are no UTF-8 become replacement characters. */
export function textOf(bytes: ByteText): string {
  return beyondAscii.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
}

/** For system calls, which get exactly these bytes. */
export function systemPath(path: ByteText): string | Buffer {
  return beyondAscii.test(path) ? Buffer.from(path, 'latin1') : path;
}

export function comparePaths(a: ByteText, b: ByteText): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Why a path of names from folders cannot stand in a manifest, or undefined where it can. */
export function manifestPathProblem(path: ByteText): string | undefined {
  return path.length <= componentBytesMax ? undefined : checkManifestPath(fromBytesKey(path));
}
