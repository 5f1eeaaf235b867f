// What a push remembers for the next one of the same sources (docs/architecture.md, "Unchanged files"): per file its
// stat and its chunks, in manifest order, so that an unchanged file is never opened again. Sealed under a key that only
// the vault's members have, because it names files and holds chunk keys. It is only ever a shortcut: absent, stale or
// damaged, it is ignored and everything is read.
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { concatBytes, toHex } from '../../protocol/bytes.js';
import type { ByteText } from '../byte-text.js';
import { makeFolders } from '../make-folders.js';
import type { ChunkRef, NodeRef } from '../seal.js';
import { openCacheBlock, sealCacheBlock, sealedOverheadBytes } from '../sealed-cache.js';
import type { FileSignature } from './source-stat.js';

export interface CachedFile {
  readonly signature: FileSignature;
  readonly chunks: readonly ChunkRef[];
}

interface CacheRecord {
  readonly path: ByteText;
  readonly file: CachedFile;
}

/** The snapshot that vouches for the cache: while it lives in the vault log, the vault owns all that the cache names. */
export interface CacheOrigin {
  readonly seq: number;
  /** 32 bytes. */
  readonly entryHash: Uint8Array;
  readonly root: NodeRef;
}

const label = 'jaycloud/1/push-cache/2';
const blockBytes = 512 * 1024;
const blockBytesMax = 64 * 1024 * 1024;
const originBytes = 8 + 32 + 32 + 32;
const refBytes = 32 + 32 + 4;
/** Path length, size, two times, inode and device, number of chunks. */
const recordFixedBytes = 2 + 8 + 12 + 12 + 16 + 4;

function sealBlock(key: Uint8Array, index: number, plain: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, plain.length + sealedOverheadBytes);
  return concatBytes(head, sealCacheBlock(key, `${label}/${String(index)}`, plain));
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
  #block = Buffer.allocUnsafe(2 * blockBytes);
  #blockEnd = 0;
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

  /** Files in manifest order. */
  add(path: Uint8Array, { signature, chunks }: CachedFile): void {
    if (this.#file === undefined) return;
    const recordBytes = recordFixedBytes + path.length + chunks.length * refBytes;
    if (this.#blockEnd + recordBytes > this.#block.length) {
      if (this.#blockEnd > 0) this.#writeBlock();
      if (recordBytes > this.#block.length) this.#block = Buffer.allocUnsafe(recordBytes);
    }
    const block = this.#block;
    let at = block.writeUInt16BE(path.length, this.#blockEnd);
    block.set(path, at);
    at = block.writeDoubleBE(signature.sizeBytes, at + path.length);
    at = block.writeDoubleBE(signature.modifiedSeconds, at);
    at = block.writeUInt32BE(signature.modifiedNanoseconds, at);
    at = block.writeDoubleBE(signature.changedSeconds, at);
    at = block.writeUInt32BE(signature.changedNanoseconds, at);
    at = block.writeBigUInt64BE(signature.inode, at);
    at = block.writeBigUInt64BE(signature.device, at);
    at = block.writeUInt32BE(chunks.length, at);
    for (const chunk of chunks) {
      block.set(chunk.id, at);
      block.set(chunk.key, at + 32);
      at = block.writeUInt32BE(chunk.rawLength, at + 64);
    }
    this.#blockEnd = at;
    if (at >= blockBytes) this.#writeBlock();
  }

  commit(origin: CacheOrigin): void {
    if (this.#blockEnd > 0) this.#writeBlock();
    const plain = new Uint8Array(originBytes);
    new DataView(plain.buffer).setBigUint64(0, BigInt(origin.seq));
    plain.set(origin.entryHash, 8);
    plain.set(origin.root.id, 40);
    plain.set(origin.root.key, 72);
    this.#try((file) => {
      writeAll(file, sealBlock(this.#key, 0, plain), 0);
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

  #writeBlock(): void {
    this.#blocks += 1;
    const block = sealBlock(this.#key, this.#blocks, this.#block.subarray(0, this.#blockEnd));
    this.#try((file) => {
      writeAll(file, block);
    });
    this.#blockEnd = 0;
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
  #block: Buffer = Buffer.alloc(0);
  #at = 0;
  #blocks = 0;
  #next: CacheRecord | undefined;

  private constructor(file: number, key: Uint8Array) {
    this.#file = file;
    this.#key = key;
    const plain = this.#readBlock();
    if (plain?.length !== originBytes) throw new Error('no origin');
    this.origin = {
      seq: Number(new DataView(plain.buffer, plain.byteOffset).getBigUint64(0)),
      entryHash: plain.subarray(8, 40),
      root: { id: plain.subarray(40, 72), key: plain.subarray(72, 104) },
    };
    this.#next = this.#readRecord();
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

  /** The record of `path`; paths must be asked for in rising order. */
  find(path: ByteText): CachedFile | undefined {
    while (this.#next !== undefined && this.#next.path <= path) {
      const found = this.#next;
      this.#next = this.#readRecord();
      if (found.path === path) return found.file;
    }
    return undefined;
  }

  close(): void {
    closeSync(this.#file);
  }

  #readBlock(): Uint8Array | undefined {
    const head = new Uint8Array(4);
    if (readSync(this.#file, head) < 4) return undefined;
    const lengthBytes = new DataView(head.buffer).getUint32(0);
    if (lengthBytes < sealedOverheadBytes || lengthBytes > blockBytesMax) return undefined;
    const sealed = new Uint8Array(lengthBytes);
    if (readSync(this.#file, sealed) < lengthBytes) return undefined;
    const index = this.#blocks;
    this.#blocks += 1;
    return openCacheBlock(this.#key, `${label}/${String(index)}`, sealed);
  }

  #readRecord(): CacheRecord | undefined {
    try {
      if (this.#at >= this.#block.length) {
        const block = this.#readBlock();
        if (block === undefined) return undefined;
        this.#block = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
        this.#at = 0;
      }
      return this.#parseRecord();
    } catch {
      // A damaged cache ends here: the rest of the files are read.
      return undefined;
    }
  }

  #parseRecord(): CacheRecord {
    const block = this.#block;
    const pathEnd = this.#at + 2 + block.readUInt16BE(this.#at);
    const path = block.toString('latin1', this.#at + 2, pathEnd);
    const signature = {
      sizeBytes: block.readDoubleBE(pathEnd),
      modifiedSeconds: block.readDoubleBE(pathEnd + 8),
      modifiedNanoseconds: block.readUInt32BE(pathEnd + 16),
      changedSeconds: block.readDoubleBE(pathEnd + 20),
      changedNanoseconds: block.readUInt32BE(pathEnd + 28),
      inode: block.readBigUInt64BE(pathEnd + 32),
      device: block.readBigUInt64BE(pathEnd + 40),
    };
    const count = block.readUInt32BE(pathEnd + 48);
    let at = pathEnd + 52;
    const chunks: ChunkRef[] = [];
    for (let i = 0; i < count; i += 1) {
      chunks.push({
        id: block.subarray(at, at + 32),
        key: block.subarray(at + 32, at + 64),
        rawLength: block.readUInt32BE(at + 64),
      });
      at += refBytes;
    }
    this.#at = at;
    return { path, file: { signature, chunks } };
  }
}
