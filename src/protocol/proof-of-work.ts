// The eq60 puzzle (docs/proof-of-work.md, "The puzzle"): what a sub-solution is, how it is checked and written.
// A generalised birthday problem over SHA-256: finding is a sort of 65,536 items, checking is ten hashes.
import { sha256 } from './blob-id.js';
import { concatBytes, fromBase64, toBase64, utf8 } from './bytes.js';
import { ProtocolError } from './errors.js';
import type { Purpose } from './messages.js';

/** Items of one attempt; an index is a u16. */
export const puzzleItems = 65_536;

/** SHA-256 blocks of one attempt: each gives four items. */
export const puzzleBlocks = puzzleItems / 4;

/** Indices of one sub-solution. */
export const puzzleIndices = 8;

/** A record of the wire form: `j u32 | 8 x u16`, big-endian. */
export const solutionBytes = 4 + 2 * puzzleIndices;

/** Most sub-solutions that a challenge asks for. */
export const puzzlesMax = 64;

/** `effort256` of a filter that lets everything pass. */
export const effort256Min = 256;

/** Mean number of sub-solutions that one attempt holds: 65,536^8 / 2^7 orders / 2^120 conditions. */
export const solutionsPerAttempt = 2;

/** One sub-solution. */
export interface Solution {
  /** Which attempt, 0 to 2^32 - 1. */
  readonly attempt: number;
  /** Eight distinct items in canonical order. */
  readonly indices: Uint16Array;
}

/** Mean attempts until `puzzles` sub-solutions pass a filter of strength `effort256` / 256. */
export function expectedAttempts(puzzles: number, effort256: number): number {
  return (puzzles * effort256) / effort256Min / solutionsPerAttempt;
}

/** What binds work to one challenge: a hash over the whole token, MAC included. */
export function challengeSeed(token: Uint8Array): Uint8Array<ArrayBuffer> {
  return sha256(concatBytes(utf8('jaycloud/1/pow'), Uint8Array.of(0), token));
}

/** The 32 bytes that all items of attempt `attempt` are made from. */
export function attemptSeed(seed: Uint8Array, attempt: number): Uint8Array<ArrayBuffer> {
  const input = new Uint8Array(seed.length + 4);
  input.set(seed);
  new DataView(input.buffer).setUint32(seed.length, attempt);
  return sha256(input);
}

/** What a register or login challenge is bound to: nobody can use it for another name. */
export function challengeBinding(purpose: Purpose, accountName: string): Uint8Array<ArrayBuffer> {
  const zero = Uint8Array.of(0);
  return sha256(concatBytes(utf8('jaycloud/1/pow-binding'), zero, utf8(purpose), zero, utf8(accountName)));
}

/** The first 32 bits of the hash that decides whether a sub-solution counts. */
export function filterValue(attemptSeedBytes: Uint8Array, indices: Uint16Array): number {
  const input = new Uint8Array(attemptSeedBytes.length + 2 * puzzleIndices);
  input.set(attemptSeedBytes);
  const view = new DataView(input.buffer);
  for (let i = 0; i < puzzleIndices; i += 1) view.setUint16(attemptSeedBytes.length + 2 * i, indices[i] ?? 0);
  return new DataView(sha256(input).buffer).getUint32(0);
}

/**
 * Whether a filter value passes. The product is exact where it decides: below 2^53 a double holds it, and everything
 * above is far beyond 2^40 however it is rounded.
 */
export function isFilterPassed(value: number, effort256: number): boolean {
  return value * effort256 < 2 ** 32 * effort256Min;
}

/** Eight distinct indices, at every level of the tree the subtree with the smaller first index to the left. */
export function isCanonical(indices: Uint16Array): boolean {
  if (indices.length !== puzzleIndices || new Set(indices).size !== puzzleIndices) return false;
  for (let span = 1; span < puzzleIndices; span *= 2) {
    for (let left = 0; left < puzzleIndices; left += 2 * span) {
      if ((indices[left] ?? 0) > (indices[left + span] ?? 0)) return false;
    }
  }
  return true;
}

/**
 * The full check of the tree: pairs cancel on the first 15 bits, quads on the first 30, all eight on all 60.
 * Bits count from the most significant of the 60. Ten hashes at most, about 15 microseconds.
 */
export function isSolved(attemptSeedBytes: Uint8Array, indices: Uint16Array): boolean {
  if (!isCanonical(indices)) return false;
  // An item is two words: its first 30 bits and its last 30.
  const first = new Uint32Array(puzzleIndices);
  const last = new Uint32Array(puzzleIndices);
  const input = new Uint8Array(attemptSeedBytes.length + 4);
  input.set(attemptSeedBytes);
  const counter = new DataView(input.buffer);
  for (const [place, index] of indices.entries()) {
    counter.setUint32(attemptSeedBytes.length, index >>> 2);
    const block = new DataView(sha256(input).buffer);
    const high = block.getUint32((index & 3) * 8) & 0x0fffffff;
    const low = block.getUint32((index & 3) * 8 + 4);
    first[place] = (high << 2) | (low >>> 30);
    last[place] = low & 0x3fffffff;
  }
  for (let span = 2; span <= puzzleIndices; span *= 2) {
    for (let left = 0; left < puzzleIndices; left += span) {
      let firstXor = 0;
      let lastXor = 0;
      for (let i = left; i < left + span; i += 1) {
        firstXor ^= first[i] ?? 0;
        lastXor ^= last[i] ?? 0;
      }
      if (span === 2 && firstXor >>> 15 !== 0) return false;
      if (span > 2 && firstXor !== 0) return false;
      if (span === puzzleIndices && lastXor !== 0) return false;
    }
  }
  return true;
}

/** One record of the wire form. */
export function encodeSolution(solution: Solution): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(solutionBytes);
  const view = new DataView(record.buffer);
  view.setUint32(0, solution.attempt);
  for (const [i, index] of solution.indices.entries()) view.setUint16(4 + 2 * i, index);
  return record;
}

/** The `solutions` field of a proof: records in byte order, which is the order of (attempt, indices). */
export function encodeSolutions(solutions: readonly Solution[]): string {
  return toBase64(concatBytes(...solutions.map(encodeSolution).sort((a, b) => Buffer.compare(a, b))));
}

/**
 * Reads a `solutions` field. Throws ProtocolError `malformed` unless it is whole records, strictly ascending (so
 * none stands twice) and at most 64 of them. Says nothing yet about whether they solve anything.
 */
export function decodeSolutions(text: string): Solution[] {
  const bytes = fromBase64(text);
  if (bytes.length % solutionBytes !== 0 || bytes.length > puzzlesMax * solutionBytes) {
    throw new ProtocolError('malformed', 'solutions are at most 64 records of 20 bytes');
  }
  const solutions: Solution[] = [];
  for (let at = 0; at < bytes.length; at += solutionBytes) {
    const record = bytes.subarray(at, at + solutionBytes);
    if (at > 0 && Buffer.compare(bytes.subarray(at - solutionBytes, at), record) >= 0) {
      throw new ProtocolError('malformed', 'solutions are not in ascending order');
    }
    const view = new DataView(record.buffer, record.byteOffset);
    const indices = Uint16Array.from({ length: puzzleIndices }, (_, i) => view.getUint16(4 + 2 * i));
    solutions.push({ attempt: view.getUint32(0), indices });
  }
  return solutions;
}
