// What a push remembers for the next one of the same sources (docs/architecture.md, "Unchanged files"): per file its
// stat and its chunks, in manifest order, so that an unchanged file is never opened again. Sealed under a key that only
// the vault's members have, because it names files and holds chunk keys. It is only ever a shortcut: absent, stale or
// damaged, it is ignored and everything is read.
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { compareBytes, concatBytes, toHex } from '../../protocol/bytes.js';
import type { ChunkRef, NodeRef } from '../seal.js';
import { openCacheBlock, sealCacheBlock, sealedOverheadBytes } from '../sealed-cache.js';

/** Identity of a file's content as the file system tells it: any change shows in one of these. */
export interface FileSignature {
  readonly sizeBytes: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
  readonly inode: bigint;
  readonly device: bigint;
}

export interface CachedFile {
  readonly signature: FileSignature;
  readonly chunks: readonly ChunkRef[];
}

/** The snapshot that vouches for the cache: while it lives in the vault log, the vault owns all that the cache names. */
export interface CacheOrigin {
  readonly seq: number;
  /** 32 bytes. */
  readonly entryHash: Uint8Array;
  readonly root: NodeRef;
}

const label = 'jaycloud/1/push-cache';
const blockBytes = 512 * 1024;
const blockBytesMax = 64 * 1024 * 1024;
const originBytes = 8 + 32 + 32 + 32;
const refBytes = 32 + 32 + 4;

function sealBlock(key: Uint8Array, index: number, plain: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, plain.length + sealedOverheadBytes);
  return concatBytes(head, sealCacheBlock(key, `${label}/${String(index)}`, plain));
}

/** Writes a cache file beside the old one; `commit` puts it in its place, `discard` leaves the old one. */
export class PushCacheWriter {
  readonly #path: string;
  readonly #temporary: string;
  readonly #key: Uint8Array;
  readonly #file: number;
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #blocks = 0;

  constructor(path: string, key: Uint8Array) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#path = path;
    this.#temporary = `${path}.${toHex(randomBytes(6))}.tmp`;
    this.#key = key;
    this.#file = openSync(this.#temporary, 'wx', 0o600);
    // The first block is written last: the origin is known only when the snapshot stands.
    writeSync(this.#file, new Uint8Array(4 + originBytes + sealedOverheadBytes));
  }

  /** Files in manifest order. */
  add(path: Uint8Array, file: CachedFile): void {
    const record = new Uint8Array(2 + path.length + 40 + 4 + file.chunks.length * refBytes);
    const view = new DataView(record.buffer);
    view.setUint16(0, path.length);
    record.set(path, 2);
    let at = 2 + path.length;
    const { sizeBytes, modifiedNs, changedNs, inode, device } = file.signature;
    for (const value of [sizeBytes, modifiedNs, changedNs, inode, device]) {
      view.setBigInt64(at, BigInt.asIntN(64, value));
      at += 8;
    }
    view.setUint32(at, file.chunks.length);
    at += 4;
    for (const chunk of file.chunks) {
      record.set(chunk.id, at);
      record.set(chunk.key, at + 32);
      view.setUint32(at + 64, chunk.rawLength);
      at += refBytes;
    }
    this.#parts.push(record);
    this.#partBytes += record.length;
    if (this.#partBytes >= blockBytes) this.#writeBlock();
  }

  commit(origin: CacheOrigin): void {
    if (this.#partBytes > 0) this.#writeBlock();
    const plain = new Uint8Array(originBytes);
    new DataView(plain.buffer).setBigUint64(0, BigInt(origin.seq));
    plain.set(origin.entryHash, 8);
    plain.set(origin.root.id, 40);
    plain.set(origin.root.key, 72);
    writeSync(this.#file, sealBlock(this.#key, 0, plain), 0, undefined, 0);
    closeSync(this.#file);
    renameSync(this.#temporary, this.#path);
  }

  discard(): void {
    closeSync(this.#file);
    rmSync(this.#temporary, { force: true });
  }

  #writeBlock(): void {
    this.#blocks += 1;
    writeSync(this.#file, sealBlock(this.#key, this.#blocks, concatBytes(...this.#parts)));
    this.#parts = [];
    this.#partBytes = 0;
  }
}

/** Reads a cache file once, front to back, beside a walk in the same order. */
export class PushCacheReader {
  readonly origin: CacheOrigin;
  readonly #file: number;
  readonly #key: Uint8Array;
  #block: Uint8Array = new Uint8Array();
  #at = 0;
  #blocks = 0;
  #next: { path: Uint8Array; file: CachedFile } | undefined;

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
  find(path: Uint8Array): CachedFile | undefined {
    while (this.#next !== undefined) {
      const order = compareBytes(this.#next.path, path);
      if (order > 0) return undefined;
      const { file } = this.#next;
      this.#next = this.#readRecord();
      if (order === 0) return file;
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

  #readRecord(): { path: Uint8Array; file: CachedFile } | undefined {
    try {
      if (this.#at >= this.#block.length) {
        const block = this.#readBlock();
        if (block === undefined) return undefined;
        this.#block = block;
        this.#at = 0;
      }
      return this.#parseRecord();
    } catch {
      // A damaged cache ends here: the rest of the files are read.
      return undefined;
    }
  }

  #parseRecord(): { path: Uint8Array; file: CachedFile } {
    const view = new DataView(this.#block.buffer, this.#block.byteOffset, this.#block.byteLength);
    const pathLength = view.getUint16(this.#at);
    const path = this.#block.subarray(this.#at + 2, this.#at + 2 + pathLength);
    let at = this.#at + 2 + pathLength;
    const number = () => {
      at += 8;
      return view.getBigInt64(at - 8);
    };
    const signature = {
      sizeBytes: number(),
      modifiedNs: number(),
      changedNs: number(),
      inode: BigInt.asUintN(64, number()),
      device: BigInt.asUintN(64, number()),
    };
    const count = view.getUint32(at);
    at += 4;
    const chunks: ChunkRef[] = [];
    for (let i = 0; i < count; i += 1) {
      chunks.push({
        id: this.#block.subarray(at, at + 32),
        key: this.#block.subarray(at + 32, at + 64),
        rawLength: view.getUint32(at + 64),
      });
      at += refBytes;
    }
    this.#at = at;
    return { path, file: { signature, chunks } };
  }
}
