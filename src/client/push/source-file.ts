// Reads one file and seals its chunks; runs in the sealing threads, so everything here is synchronous.
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { rawBytesMax } from '../../protocol/limits.js';
import { findCut, nextCut, type ScanGear, scanGear } from '../chunker.js';
import { createWasmScanner } from '../gear-scan-wasm.js';
import { type SealedBlob, sealLeaf } from '../seal.js';
import { systemCalls } from '../system-calls.js';

/** What keys and cuts the content of one file: its dedup domain. */
export interface SealingDomain {
  readonly salt: Uint8Array;
  readonly gear: Uint32Array;
  /** Over the window that files are read into. */
  readonly scan: ScanGear;
}

/** One file at a time is read in a thread, and sealing copies: every file uses the same memory. */
export interface SealingMemory {
  readonly window: Uint8Array;
  readonly domains: readonly SealingDomain[];
}

export interface ReadFile {
  readonly stat: BigIntStats;
  readonly sizeBytes: number;
  readonly sparse: boolean;
  /** The file was written to while it was read: what was read may never have existed as a whole. */
  readonly changed: boolean;
}

/** Room for one chunk of the largest size and the bytes read ahead of it. */
const windowBytes = 4 * rawBytesMax;

/** The window lies in WebAssembly's own memory, where the fastest scan can see it. */
export function createSealingMemory(
  domains: readonly { readonly salt: Uint8Array; readonly gear: Uint32Array }[],
): SealingMemory {
  const gears = domains.map(({ gear }) => gear);
  const scanner = createWasmScanner(gears, windowBytes);
  const window = scanner?.window ?? new Uint8Array(windowBytes);
  const scans = scanner?.scans ?? gears.map((gear) => scanGear(window, gear));
  return {
    window,
    domains: domains.map((domain, index) => ({ ...domain, scan: scans[index] ?? scanGear(window, domain.gear) })),
  };
}

const zeroChunks = new Map<Uint8Array, SealedBlob | undefined>();

/**
 * The sealed chunk of `rawBytesMax` zeros, or undefined where the gear table would cut such a run. Sparse disk images are
 * mostly this one chunk: it is sealed once a thread and holes are never read.
 */
function zeroChunk(domain: SealingDomain): SealedBlob | undefined {
  if (!zeroChunks.has(domain.salt)) {
    const zeros = new Uint8Array(rawBytesMax);
    const isOneChunk = nextCut(zeros, 0, zeros.length, domain.gear) === rawBytesMax;
    zeroChunks.set(domain.salt, isOneChunk ? sealLeaf(domain.salt, zeros) : undefined);
  }
  return zeroChunks.get(domain.salt);
}

function sameVersion(a: BigIntStats, b: BigIntStats): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

/**
 * Hands every chunk of the file to `emit`, in order, and returns the version that was read. `emit` may return a promise
 * where the receiver is full. Throws the system's error when the file cannot be read.
 */
export async function sealFile(
  path: Uint8Array,
  window: Uint8Array,
  domain: SealingDomain,
  emit: (sealed: SealedBlob) => Promise<void> | undefined,
): Promise<ReadFile> {
  // Never follow a symlink that took the file's place, never wait for a FIFO's writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = openSync(Buffer.from(path), flags);
  try {
    const stat = fstatSync(file, { bigint: true });
    if (!stat.isFile()) throw new Error('is no longer a regular file');
    const sparse = stat.blocks * 512n < stat.size;
    const sizeBytes = await sealContent({ file, expectedBytes: Number(stat.size), sparse, window }, domain, emit);
    const after = fstatSync(file, { bigint: true });
    const changed = !sameVersion(stat, after) || BigInt(sizeBytes) !== stat.size;
    return { stat, sizeBytes, sparse, changed };
  } finally {
    closeSync(file);
  }
}

async function sealContent(
  source: {
    readonly file: number;
    readonly expectedBytes: number;
    readonly sparse: boolean;
    readonly window: Uint8Array;
  },
  domain: SealingDomain,
  emit: (sealed: SealedBlob) => Promise<void> | undefined,
): Promise<number> {
  const { file, expectedBytes, sparse, window } = source;
  let start = 0;
  let end = 0;
  let readBytes = 0;
  let atEnd = false;
  for (;;) {
    while (!atEnd && end - start < rawBytesMax) {
      if (start > 0) {
        window.copyWithin(0, start, end);
        end -= start;
        start = 0;
      }
      const got = readSync(file, window, end, window.length - end, readBytes);
      end += got;
      readBytes += got;
      // A regular file gives less than was asked for at its end only.
      atEnd = end < window.length;
    }
    if (start === end) return readBytes;
    const length = findCut(start, end, domain.scan);
    const waiting = emit(sealLeaf(domain.salt, window.subarray(start, start + length)));
    if (waiting !== undefined) await waiting;
    start += length;
    if (sparse && start === end && !atEnd) readBytes = await skipHole(file, readBytes, expectedBytes, domain, emit);
  }
}

/** Emits zero chunks for as long as a whole one lies in a hole; returns how far the file is then read. */
async function skipHole(
  file: number,
  offset: number,
  sizeBytes: number,
  domain: SealingDomain,
  emit: (sealed: SealedBlob) => Promise<void> | undefined,
): Promise<number> {
  const zeros = zeroChunk(domain);
  const calls = systemCalls();
  if (zeros === undefined || calls === undefined) return offset;
  const data = Math.min(calls.seekData(file, offset) ?? sizeBytes, sizeBytes);
  let at = offset;
  while (data - at >= rawBytesMax) {
    const waiting = emit(zeros);
    if (waiting !== undefined) await waiting;
    at += rawBytesMax;
  }
  return at;
}
