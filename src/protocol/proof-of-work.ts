// The eq60 puzzle (docs/proof-of-work.md, "The puzzle"): what a sub-solution is, how it is checked and written.
// A generalised birthday problem over SHA-256: finding is a sort of 65,536 items, checking is ten hashes.
import { sha256 } from './blob-id.js';
import { concatBytes, fromBase64, toBase64, utf8 } from './bytes.js';
import { ProtocolError } from './errors.js';
import type { Purpose } from './messages.js';
import { digestBytes, digestWords, hashWords, loadDigest, messageWords } from './sha256-words.js';

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

const seedLabel = utf8('jaycloud/1/pow\0');

/** What binds work to one challenge: a hash over the whole token, MAC included. */
export function challengeSeed(token: Uint8Array): Uint8Array<ArrayBuffer> {
  return sha256(concatBytes(seedLabel, token));
}

/** The 32 bytes that all items of attempt `attempt` are made from. */
export function attemptSeed(seed: Uint8Array, attempt: number): Uint8Array<ArrayBuffer> {
  loadDigest(seed);
  messageWords[8] = attempt;
  hashWords(9);
  return digestBytes();
}

/** What a register or login challenge is bound to: nobody can use it for another name. */
export function challengeBinding(purpose: Purpose, accountName: string): Uint8Array<ArrayBuffer> {
  const zero = Uint8Array.of(0);
  return sha256(concatBytes(utf8('jaycloud/1/pow-binding'), zero, utf8(purpose), zero, utf8(accountName)));
}

/** The first 32 bits of the hash that decides whether a sub-solution counts. */
export function filterValue(attemptSeedBytes: Uint8Array, indices: Uint16Array): number {
  loadDigest(attemptSeedBytes);
  for (let i = 0; i < puzzleIndices / 2; i += 1) {
    messageWords[8 + i] = ((indices[2 * i] as number) << 16) | (indices[2 * i + 1] as number);
  }
  hashWords(12);
  return (digestWords[0] as number) >>> 0;
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
  if (indices.length !== puzzleIndices) return false;
  for (let i = 1; i < puzzleIndices; i += 1) {
    for (let k = 0; k < i; k += 1) if (indices[i] === indices[k]) return false;
  }
  for (let span = 1; span < puzzleIndices; span *= 2) {
    for (let left = 0; left < puzzleIndices; left += 2 * span) {
      if ((indices[left] as number) > (indices[left + span] as number)) return false;
    }
  }
  return true;
}

// The items of the record in check, as two words each: the first 30 bits and the last 30. After a level is checked, the
// XOR of a subtree stands at its first place.
const firstWords = new Int32Array(puzzleIndices);
const lastWords = new Int32Array(puzzleIndices);

function readItem(attemptSeedBytes: Uint8Array, index: number, place: number): void {
  loadDigest(attemptSeedBytes);
  messageWords[8] = index >>> 2;
  hashWords(9);
  const high = digestWords[2 * (index & 3)] as number;
  const low = digestWords[2 * (index & 3) + 1] as number;
  firstWords[place] = ((high & 0x0fffffff) << 2) | (low >>> 30);
  lastWords[place] = low & 0x3fffffff;
}

function joinAt(left: number, right: number): void {
  firstWords[left] = (firstWords[left] as number) ^ (firstWords[right] as number);
  lastWords[left] = (lastWords[left] as number) ^ (lastWords[right] as number);
}

/**
 * The full check of the tree: pairs cancel on the first 15 bits, quads on the first 30, all eight on all 60. Bits count
 * from the most significant of the 60. Eight hashes for a true record; a false one ends at its first false pair.
 */
export function isSolved(attemptSeedBytes: Uint8Array, indices: Uint16Array): boolean {
  if (!isCanonical(indices)) return false;
  for (let left = 0; left < puzzleIndices; left += 2) {
    readItem(attemptSeedBytes, indices[left] as number, left);
    readItem(attemptSeedBytes, indices[left + 1] as number, left + 1);
    joinAt(left, left + 1);
    if ((firstWords[left] as number) >>> 15 !== 0) return false;
    if (left % 4 === 0) continue;
    joinAt(left - 2, left);
    if (firstWords[left - 2] !== 0) return false;
  }
  joinAt(0, 4);
  return lastWords[0] === 0;
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
  return encodeRecords(solutions.map(encodeSolution));
}

/** The same of records that are encoded already, in any order. */
export function encodeRecords(records: readonly Uint8Array[]): string {
  return toBase64(concatBytes(...[...records].sort((a, b) => Buffer.compare(a, b))));
}

/** Whether the record at `at` comes after the one before it, in byte order. */
function isAscending(bytes: Uint8Array, at: number): boolean {
  for (let i = at; i < at + solutionBytes; i += 1) {
    const step = (bytes[i] as number) - (bytes[i - solutionBytes] as number);
    if (step !== 0) return step > 0;
  }
  return false;
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
  const view = new DataView(bytes.buffer);
  const solutions: Solution[] = [];
  for (let at = 0; at < bytes.length; at += solutionBytes) {
    if (at > 0 && !isAscending(bytes, at)) {
      throw new ProtocolError('malformed', 'solutions are not in ascending order');
    }
    const indices = new Uint16Array(puzzleIndices);
    for (let i = 0; i < puzzleIndices; i += 1) indices[i] = view.getUint16(at + 4 + 2 * i);
    solutions.push({ attempt: view.getUint32(at), indices });
  }
  return solutions;
}
