// Reads one file and seals its chunks; runs in the sealing threads, so everything here is synchronous.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { rawBytesMax } from '../../protocol/limits.js';
import { type ByteText, systemPath } from '../byte-text.js';
import { chunkBytesMin, findCut, nextCut, type ScanGear, scanGear } from '../chunker.js';
import { createWasmScanner } from '../gear-scan-wasm.js';
import type { SealedLeaf } from '../seal.js';
import { systemCalls } from '../system-calls.js';
import { isSameVersion, type SourceStat, sourceStatOf } from './source-stat.js';

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
  /** The version that was read; undefined where it is the one that was expected. */
  readonly stat: SourceStat | undefined;
  readonly sizeBytes: number;
  /** The file was written to while it was read: what was read may never have existed as a whole. */
  readonly changed: boolean;
}

/** Room for one chunk of the largest size and the bytes read ahead of it. */
const windowBytes = 2 * rawBytesMax;

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

/** Takes the chunks of one file in order. */
export interface ChunkSink {
  /** Seals the next chunk. A promise where room must be waited for: the bytes must not change until it resolves. */
  seal(raw: Uint8Array): SealedLeaf | Promise<SealedLeaf>;
  /** The next chunk is one that this sink has sealed before. */
  repeat(sealed: SealedLeaf, rawLength: number): void;
  /** Forgets the chunks so far: the file is read again from its start. */
  restart(): void;
}

const zeroChunks = new Map<Uint8Array, SealedLeaf | 'cut'>();

/**
 * Adds as many chunks of `rawBytesMax` zeros as `count` says. Sparse disk images are mostly this one chunk: it is sealed once
 * a thread and holes are never read. False where the gear table would cut such a run.
 */
async function addZeroChunks(domain: SealingDomain, count: number, sink: ChunkSink): Promise<boolean> {
  let added = 0;
  let zeros = zeroChunks.get(domain.salt);
  if (zeros === undefined) {
    const raw = new Uint8Array(rawBytesMax);
    const isOneChunk = nextCut(raw, 0, raw.length, domain.gear) === rawBytesMax;
    zeros = isOneChunk ? await sink.seal(raw) : 'cut';
    zeroChunks.set(domain.salt, zeros);
    added = 1;
  }
  if (zeros === 'cut') return false;
  for (; added < count; added += 1) sink.repeat(zeros, rawBytesMax);
  return true;
}

/**
 * Hands every chunk of the file to `sink`, in order, and says which version was read. `stat` is the version that is
 * expected. Throws the system's error when the file cannot be read.
 */
export async function sealFile(
  { source, stat }: { readonly source: ByteText; readonly stat: SourceStat },
  window: Uint8Array,
  domain: SealingDomain,
  sink: ChunkSink,
): Promise<ReadFile> {
  // Never follow a symlink that took the file's place, never wait for a FIFO's writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = openSync(systemPath(source), flags);
  try {
    if (stat.sizeBytes <= chunkBytesMin) {
      const sizeBytes = await sealExpected(file, stat, window, sink);
      if (sizeBytes !== undefined) return { stat: undefined, sizeBytes, changed: false };
      sink.restart();
    }
    return await sealOpened(file, window, domain, sink);
  } finally {
    closeSync(file);
  }
}

/** Reads a file of one chunk that is still as the walk saw it, with one look at it instead of two; undefined where it is not. */
async function sealExpected(
  file: number,
  expected: SourceStat,
  window: Uint8Array,
  sink: ChunkSink,
): Promise<number | undefined> {
  const { sizeBytes } = expected;
  try {
    // One byte more, to see the end.
    if (readSync(file, window, 0, sizeBytes + 1, 0) !== sizeBytes) return undefined;
  } catch {
    // No regular file any more, or one that cannot be read: the closer look says which.
    return undefined;
  }
  const after = fstatSync(file, { bigint: true });
  if (!after.isFile() || !isSameVersion(sourceStatOf(after), expected)) return undefined;
  if (sizeBytes > 0) await sink.seal(window.subarray(0, sizeBytes));
  return sizeBytes;
}

async function sealOpened(file: number, window: Uint8Array, domain: SealingDomain, sink: ChunkSink): Promise<ReadFile> {
  const opened = fstatSync(file, { bigint: true });
  if (!opened.isFile()) throw new Error('is no longer a regular file');
  const stat = sourceStatOf(opened);
  const source = { file, expectedBytes: stat.sizeBytes, sparse: stat.sparse, window };
  const sizeBytes = await sealContent(source, domain, sink);
  const after = sourceStatOf(fstatSync(file, { bigint: true }));
  return { stat, sizeBytes, changed: !isSameVersion(stat, after) || sizeBytes !== stat.sizeBytes };
}

async function sealContent(
  source: {
    readonly file: number;
    readonly expectedBytes: number;
    readonly sparse: boolean;
    readonly window: Uint8Array;
  },
  domain: SealingDomain,
  sink: ChunkSink,
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
    const sealed = sink.seal(window.subarray(start, start + length));
    if (sealed instanceof Promise) await sealed;
    start += length;
    if (sparse && start === end && !atEnd) readBytes = await skipHole(file, readBytes, expectedBytes, domain, sink);
  }
}

/** Emits zero chunks for as long as a whole one lies in a hole; returns how far the file is then read. */
async function skipHole(
  file: number,
  offset: number,
  sizeBytes: number,
  domain: SealingDomain,
  sink: ChunkSink,
): Promise<number> {
  const calls = systemCalls();
  if (calls === undefined) return offset;
  const data = Math.min(calls.seekData(file, offset) ?? sizeBytes, sizeBytes);
  const count = Math.max(0, Math.floor((data - offset) / rawBytesMax));
  const isSkipped = count > 0 && (await addZeroChunks(domain, count, sink));
  return isSkipped ? offset + count * rawBytesMax : offset;
}
