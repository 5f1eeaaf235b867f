// Content-defined chunking (docs/format.md, "Chunking"): FastCDC with normalized chunking over a 32-bit gear hash, so that
// an insertion moves the cuts near it and no others.
import { sha256 } from '../protocol/blob-id.js';
import { rawBytesMax } from '../protocol/limits.js';
import { hmacSha256, labelled } from './hkdf.js';

export const chunkBytesMin = 256 * 1024;
const chunkBytesAverage = 1024 * 1024;
export const chunkBytesMax = rawBytesMax;

/** Cuts are rare before the average length (22 leading zero bits) and frequent after it (18): lengths spread less. */
const strictLimit = 2 ** (32 - 22);
const looseLimit = 2 ** (32 - 18);

/** 256 words. Public without a secret; with a vault's chunker secret the cuts say less about known files. */
export function createGearTable(secret?: Uint8Array): Uint32Array {
  const table = new Uint32Array(256);
  for (let index = 0; index < table.length; index += 1) {
    const input = labelled('jaycloud/1/chunker/gear', Uint8Array.of(index));
    const digest = secret === undefined ? sha256(input) : hmacSha256(secret, input);
    table[index] = new DataView(digest.buffer).getUint32(0);
  }
  return table;
}

/**
 * Length of the chunk that starts at `start`. The bytes from `start` to `end` are either at least `chunkBytesMax` or all
 * that is left of the file; 0 only when nothing is left.
 */
export function nextCut(bytes: Uint8Array, start: number, end: number, gear: Uint32Array): number {
  const last = Math.min(end, start + chunkBytesMax);
  if (last - start <= chunkBytesMin) return last - start;
  const middle = Math.min(last, start + chunkBytesAverage);
  const rare = scan(bytes, start + chunkBytesMin, middle, gear, 0, strictLimit);
  if (rare.cut) return rare.at - start;
  return scan(bytes, middle, last, gear, rare.hash, looseLimit).at - start;
}

/**
 * Rolls over the bytes from `from` to `to` until a hash is below `limit`. Four steps a round: this loop sees every byte
 * of every new file, and runs at twice the speed of a plain one. `at` is behind the byte that cuts, or `to`.
 */
function scan(
  bytes: Uint8Array,
  from: number,
  to: number,
  gear: Uint32Array,
  seed: number,
  limit: number,
): { cut: boolean; at: number; hash: number } {
  let hash = seed;
  let at = from;
  for (const end = to - 3; at < end; at += 4) {
    const first = ((hash << 1) + (gear[bytes[at] as number] as number)) | 0;
    const second = ((first << 1) + (gear[bytes[at + 1] as number] as number)) | 0;
    const third = ((second << 1) + (gear[bytes[at + 2] as number] as number)) | 0;
    hash = ((third << 1) + (gear[bytes[at + 3] as number] as number)) | 0;
    if (first >>> 0 < limit) return { cut: true, at: at + 1, hash };
    if (second >>> 0 < limit) return { cut: true, at: at + 2, hash };
    if (third >>> 0 < limit) return { cut: true, at: at + 3, hash };
    if (hash >>> 0 < limit) return { cut: true, at: at + 4, hash };
  }
  for (; at < to; at += 1) {
    hash = ((hash << 1) + (gear[bytes[at] as number] as number)) | 0;
    if (hash >>> 0 < limit) return { cut: true, at: at + 1, hash };
  }
  return { cut: false, at: to, hash };
}
