// Reads ranges of packs (docs/storage.md, "Packs"). Packs never change, so descriptors stay open for a while.
import { close, closeSync, fstatSync, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { concatBytes } from '../../protocol/bytes.js';
import { isPackHeader, packHeaderBytes, packPath } from './pack-format.js';

const readAsync = promisify(read);

/** Open packs kept for the next read. */
const openPacksMax = 64;

export interface PackSlice {
  readonly offset: number;
  readonly length: number;
}

interface OpenPack {
  readonly fd: number;
  /** Reads under way: the descriptor must not be closed under them. */
  users: number;
  isDropped: boolean;
}

/** What a disk says of bytes it has lost; everything else is a fault of the machine and passes as an error. */
const lossCodes: ReadonlySet<string> = new Set(['ENOENT', 'EIO', 'EISDIR', 'ENOTDIR']);

function isLoss(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && lossCodes.has(error.code);
}

export class PackReader {
  readonly #dataDir: string;
  /** In order of last use, oldest first. */
  readonly #open = new Map<string, OpenPack>();

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** Undefined where the pack is gone, is no pack, ends before the range, or the disk cannot read it. */
  async readRange(packId: string, offset: number, length: number): Promise<Uint8Array | undefined> {
    const pack = this.#acquire(packId);
    if (pack === undefined) return undefined;
    try {
      const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
      for (let at = 0; at < length; ) {
        const { bytesRead } = await readAsync(pack.fd, bytes, at, length - at, offset + at);
        if (bytesRead === 0) return undefined;
        at += bytesRead;
      }
      return bytes;
    } catch (error) {
      if (isLoss(error)) return undefined;
      throw error;
    } finally {
      this.#release(pack);
    }
  }

  /** Small reads, joined, without leaving the thread; undefined like `readRange`. Callers yield between batches. */
  readSlices(packId: string, slices: readonly PackSlice[]): Uint8Array | undefined {
    const pack = this.#acquire(packId);
    if (pack === undefined) return undefined;
    try {
      const parts: Uint8Array[] = [];
      for (const { offset, length } of slices) {
        const part = new Uint8Array(length);
        if (readSync(pack.fd, part, 0, length, offset) !== length) return undefined;
        parts.push(part);
      }
      return concatBytes(...parts);
    } catch (error) {
      if (isLoss(error)) return undefined;
      throw error;
    } finally {
      this.#release(pack);
    }
  }

  close(): void {
    for (const packId of [...this.#open.keys()]) this.#drop(packId);
  }

  #acquire(packId: string): OpenPack | undefined {
    const known = this.#open.get(packId);
    if (known !== undefined) {
      this.#open.delete(packId);
      this.#open.set(packId, known);
      known.users += 1;
      return known;
    }
    const fd = openPack(packPath(this.#dataDir, packId));
    if (fd === undefined) return undefined;
    const pack: OpenPack = { fd, users: 1, isDropped: false };
    this.#open.set(packId, pack);
    const oldest = this.#open.size > openPacksMax ? this.#open.keys().next().value : undefined;
    if (oldest !== undefined) this.#drop(oldest);
    return pack;
  }

  #release(pack: OpenPack): void {
    pack.users -= 1;
    if (pack.isDropped && pack.users === 0) closeQuietly(pack.fd);
  }

  #drop(packId: string): void {
    const pack = this.#open.get(packId);
    if (pack === undefined) return;
    this.#open.delete(packId);
    pack.isDropped = true;
    if (pack.users === 0) closeQuietly(pack.fd);
  }
}

function openPack(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (isLoss(error)) return undefined;
    throw error;
  }
  try {
    const header = new Uint8Array(packHeaderBytes);
    const isPack =
      fstatSync(fd).isFile() && readSync(fd, header, 0, header.length, 0) === header.length && isPackHeader(header);
    if (isPack) return fd;
  } catch (error) {
    if (!isLoss(error)) {
      closeSync(fd);
      throw error;
    }
  }
  closeSync(fd);
  return undefined;
}

/** A descriptor that was only read from has nothing left to lose when closing fails. */
function closeQuietly(fd: number): void {
  close(fd, () => undefined);
}
