// What a push remembers for the next one of the same sources (docs/architecture.md, "Unchanged files"): every entry as the walk
// met it, with its chunks, leaf by leaf of the manifest, so that an unchanged file is never opened again and an unchanged leaf is
// never written again. Sealed under a key that only the vault's members have, because it names files and holds chunk keys. It
// is only ever a shortcut: absent, stale or damaged, it is ignored and everything is read.
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { concatBytes, toHex } from '../../protocol/bytes.js';
import { freeBuffer } from '../free-buffer.js';
import { makeFolders } from '../make-folders.js';
import type { IndexChild } from '../manifest-nodes.js';
import type { ChunkRef, NodeRef } from '../seal.js';
import { openCacheBlock, sealCacheBlock, sealedOverheadBytes } from '../sealed-cache.js';
import { CachedLeaf, recordsAt, recordTailBytes, writeHead, writeRecordTail } from './push-cache-leaf.js';
import { type RowEntry, rowBytesOf, rowMemoryOf, writeRow } from './walked-rows.js';

/** The snapshot that vouches for the cache: while it lives in the vault log, the vault owns all that the cache names. */
export interface CacheOrigin {
  readonly seq: number;
  /** 32 bytes. */
  readonly entryHash: Uint8Array;
  readonly root: NodeRef;
  /** Of the names of owners that the leaves have, 32 bytes. */
  readonly ownersHash: Uint8Array;
}

interface WrittenEntry {
  /** Where its record ends in the block. */
  readonly end: number;
  /** A leaf with it is to be looked at entry by entry. */
  readonly isLoose: boolean;
}

const label = 'jaycloud/1/push-cache/4';
/** A leaf whose records take more is written in parts, none of which stands for it. */
const recordsBytesMax = 2 * 1024 * 1024;
const blockBytesMax = 64 * 1024 * 1024;
const originBytes = 8 + 32 + 32 + 32 + 32;

/** The length of a sealed block, and the block. */
function sealBlock(key: Uint8Array, index: number, plain: Uint8Array): readonly Uint8Array[] {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, plain.length + sealedOverheadBytes);
  return [head, sealCacheBlock(key, `${label}/${String(index)}`, plain)];
}

/**
 * Writes a cache file beside the old one; `commit` puts it in its place, `discard` leaves the old one. Nothing here throws
 * for a folder that cannot be written or a full disk: the push goes on, and `fault` says that there will be no cache.
 */
export class PushCacheWriter {
  readonly #path: string;
  readonly #temporary: string;
  readonly #key: Uint8Array;
  #file: number | undefined;
  #fault: string | undefined;
  #block = rowMemoryOf(Buffer.allocUnsafeSlow(recordsBytesMax));
  /** The entries since the last leaf of the manifest; the last of them may belong to the next one. */
  #entries: WrittenEntry[] = [];
  #blocks = 0;

  constructor(path: string, key: Uint8Array) {
    this.#path = path;
    this.#temporary = `${path}.${toHex(randomBytes(6))}.tmp`;
    this.#key = key;
    this.#try(() => {
      makeFolders(dirname(path), 0o700);
      this.#file = openSync(this.#temporary, 'wx', 0o600);
      // The first block is written last: the origin is known only when the snapshot stands.
      writeAll(this.#file, new Uint8Array(4 + originBytes + sealedOverheadBytes));
    });
  }

  /** Why there will be no cache; undefined where all is well. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** An entry, in manifest order; `chunks` of a directory or symlink are none. */
  add(entry: RowEntry, chunks: readonly ChunkRef[]): void {
    if (this.#file === undefined) return;
    const recordBytes = rowBytesOf(entry.path) + recordTailBytes(chunks.length);
    if (this.#recordsEnd + recordBytes > this.#block.bytes.length) this.#makeRoom(recordBytes);
    const rowEnds = writeRow(this.#block, this.#recordsEnd, entry);
    // Which name of a file is the first one is known only where all of them are met.
    const isLoose = entry.type === 'file' && entry.stat.links > 1;
    this.#entries.push({ end: writeRecordTail(this.#block, rowEnds, chunks), isLoose });
  }

  /** An entry that the next push must look at more closely. */
  skip(): void {
    this.#entries.push({ end: this.#recordsEnd, isLoose: true });
  }

  /** The manifest has put the first `leaf.entries` of what was added since the last leaf into this one. */
  endLeaf(leaf: IndexChild, endsByItself: boolean): void {
    const inside = this.#entries.slice(0, leaf.entries);
    const [next] = this.#entries.slice(leaf.entries);
    const end = inside.at(-1)?.end ?? recordsAt;
    const isWhole = endsByItself && inside.every(({ isLoose }) => !isLoose);
    const rest = this.#block.bytes.subarray(end, this.#recordsEnd);
    this.#writeBlock(end, isWhole ? leaf : undefined);
    this.#block.bytes.set(rest, recordsAt);
    this.#entries = next === undefined ? [] : [{ ...next, end: recordsAt + rest.length }];
  }

  /** A whole leaf that an earlier cache has, behind all that was added. It is empty from now on. */
  addLeaf({ memory }: CachedLeaf): void {
    this.#seal(memory.bytes);
    freeBuffer(memory.bytes);
  }

  commit(origin: CacheOrigin): void {
    const plain = new Uint8Array(originBytes);
    new DataView(plain.buffer).setBigUint64(0, BigInt(origin.seq));
    plain.set(origin.entryHash, 8);
    plain.set(origin.root.id, 40);
    plain.set(origin.root.key, 72);
    plain.set(origin.ownersHash, 104);
    this.#try((file) => {
      writeAll(file, concatBytes(...sealBlock(this.#key, 0, plain)), 0);
      closeSync(file);
      this.#file = undefined;
      renameSync(this.#temporary, this.#path);
    });
  }

  /** Also called at the end of every push: after a commit there is nothing left to take away. */
  discard(): void {
    try {
      if (this.#file !== undefined) closeSync(this.#file);
      this.#file = undefined;
      rmSync(this.#temporary, { force: true });
    } catch {
      // Where it could not be written it may not be removable either.
    }
  }

  get #recordsEnd(): number {
    return this.#entries.at(-1)?.end ?? recordsAt;
  }

  /** Writes what there is as a part of a leaf. */
  #makeRoom(recordBytes: number): void {
    this.#writeBlock(this.#recordsEnd, undefined);
    this.#entries = this.#entries.map(() => ({ end: recordsAt, isLoose: true }));
    const neededBytes = recordsAt + recordBytes;
    if (neededBytes > this.#block.bytes.length) this.#block = rowMemoryOf(Buffer.allocUnsafeSlow(neededBytes));
  }

  #writeBlock(end: number, leaf: IndexChild | undefined): void {
    if (end === recordsAt) return;
    writeHead(this.#block, leaf);
    this.#seal(this.#block.bytes.subarray(0, end));
  }

  #seal(plain: Uint8Array): void {
    this.#try((file) => {
      this.#blocks += 1;
      for (const part of sealBlock(this.#key, this.#blocks, plain)) {
        writeAll(file, part);
        freeBuffer(part);
      }
    });
  }

  #try(write: (file: number) => void): void {
    if (this.#fault !== undefined) return;
    try {
      write(this.#file ?? -1);
    } catch (error) {
      this.#fault = (error as Error).message;
      this.discard();
    }
  }
}

/** A disk that is getting full takes a part. */
function writeAll(file: number, bytes: Uint8Array, position?: number): void {
  for (let written = 0; written < bytes.length; ) {
    const at = position === undefined ? null : position + written;
    written += writeSync(file, bytes, written, bytes.length - written, at);
  }
}

/** Reads a cache file once, front to back, beside a walk in the same order. */
export class PushCacheReader {
  readonly origin: CacheOrigin;
  readonly #file: number;
  readonly #key: Uint8Array;
  #blocks = 0;
  /** What every block is read into. */
  #sealed = new Uint8Array();
  #leaf: CachedLeaf | undefined;
  #at: number = recordsAt;

  private constructor(file: number, key: Uint8Array) {
    this.#file = file;
    this.#key = key;
    const plain = this.#readBlock();
    if (plain?.length !== originBytes) throw new Error('no origin');
    this.origin = {
      seq: Number(new DataView(plain.buffer, plain.byteOffset).getBigUint64(0)),
      entryHash: plain.subarray(8, 40),
      root: { id: plain.subarray(40, 72), key: plain.subarray(72, 104) },
      ownersHash: plain.subarray(104, 136),
    };
    this.#nextLeaf();
  }

  /** Undefined where there is no cache that this key opens. */
  static open(path: string, key: Uint8Array): PushCacheReader | undefined {
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch {
      return undefined;
    }
    try {
      return new PushCacheReader(file, key);
    } catch {
      closeSync(file);
      return undefined;
    }
  }

  /** The leaf with the next record, which begins at `at`; undefined behind the last one. */
  get leaf(): CachedLeaf | undefined {
    return this.#leaf;
  }

  get at(): number {
    return this.#at;
  }

  /** Goes on to the record behind the present one. */
  advance(): void {
    if (this.#leaf === undefined) return;
    this.#at = this.#leaf.nextAt(this.#at);
    if (this.#at >= this.#leaf.endAt) this.#nextLeaf();
  }

  close(): void {
    closeSync(this.#file);
  }

  #nextLeaf(): void {
    this.#leaf = undefined;
    this.#at = recordsAt;
    try {
      const block = this.#readBlock();
      if (block !== undefined) this.#leaf = new CachedLeaf(block);
    } catch {
      // A damaged cache ends here: the rest of the files are read.
    }
  }

  #readBlock(): Uint8Array | undefined {
    const head = new Uint8Array(4);
    if (readSync(this.#file, head) < 4) return undefined;
    const lengthBytes = new DataView(head.buffer).getUint32(0);
    if (lengthBytes < sealedOverheadBytes || lengthBytes > blockBytesMax) return undefined;
    if (this.#sealed.length < lengthBytes) this.#sealed = new Uint8Array(lengthBytes);
    const sealed = this.#sealed.subarray(0, lengthBytes);
    if (readSync(this.#file, sealed) < lengthBytes) return undefined;
    const index = this.#blocks;
    this.#blocks += 1;
    return openCacheBlock(this.#key, `${label}/${String(index)}`, sealed);
  }
}
