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
 * Rolls the hash on from `seed` over the bytes from `from` to `to` until it is below `limit`. `at` is behind the byte that
 * cuts, or `to`; `hash` is the last one, as 32 bits.
 */
export type ScanGear = (from: number, to: number, seed: number, limit: number) => { at: number; hash: number };

/**
 * Length of the chunk that starts at `start`. The bytes from `start` to `end` are either at least `chunkBytesMax` or all
 * that is left of the file; 0 only when nothing is left.
 */
export function findCut(start: number, end: number, scan: ScanGear): number {
  const last = Math.min(end, start + chunkBytesMax);
  if (last - start <= chunkBytesMin) return last - start;
  const middle = Math.min(last, start + chunkBytesAverage);
  const rare = scan(start + chunkBytesMin, middle, 0, strictLimit);
  if (rare.hash >>> 0 < strictLimit && rare.at > start + chunkBytesMin) return rare.at - start;
  return scan(middle, last, rare.hash, looseLimit).at - start;
}

/** The cut in `bytes`, by plain script. */
export function nextCut(bytes: Uint8Array, start: number, end: number, gear: Uint32Array): number {
  return findCut(start, end, scanGear(bytes, gear));
}

/** The scan as plain script: for hosts without WebAssembly, and what the one there is tested against. */
export function scanGear(bytes: Uint8Array, gear: Uint32Array): ScanGear {
  return (from, to, seed, limit) => {
    let hash = seed;
    for (let at = from; at < to; at += 1) {
      hash = ((hash << 1) + (gear[bytes[at] as number] as number)) | 0;
      if (hash >>> 0 < limit) return { at: at + 1, hash };
    }
    return { at: to, hash };
  };
}
