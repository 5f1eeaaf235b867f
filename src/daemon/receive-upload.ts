// The bytes of one upload (docs/storage.md, "Write order"). A blob stream is laid out like the records of a pack, so the
// body goes to the pack as it comes, piece by piece, and is hashed on the way: nothing is copied or gathered but the clear
// part of a blob that lies across pieces.
import { createHash, type Hash } from 'node:crypto';
import type { Context } from 'hono';
import { sha256Key } from '../protocol/blob-id.js';
import { clearBytesOf, parseBlobLayout } from '../protocol/blob-layout.js';
import { blobStreamHeaderBytes } from '../protocol/blob-stream.js';
import { bytesKey, concatBytes } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import { blobBytesMax, blobIdBytes, uploadBlobsMax, uploadBytesMax } from '../protocol/limits.js';
import type { PackWriter } from './packs/pack-writer.js';
import { readBody } from './request-body.js';
import type { WorkMeter } from './work-meter.js';

export interface ReceivedBlob {
  readonly id: Uint8Array;
  /** The id as `bytesKey` writes it. */
  readonly key: string;
  /** Where the blob starts in the pack; undefined where the same request has it at an earlier place. */
  readonly offsetBytes: number | undefined;
  readonly lengthBytes: number;
  /** A run of child ids; empty for leaves. */
  readonly children: Uint8Array;
}

/**
 * Reads the whole body into `pack`. Throws ProtocolError `blob-invalid` for bytes that do not hash to their id or are no
 * blob, `unsupported-version`, `too-large`, `malformed` or `request-timeout`; the caller then aborts the pack.
 */
export async function receiveUpload(c: Context, pack: PackWriter, meter: WorkMeter): Promise<ReceivedBlob[]> {
  const scanner = new UploadScanner(pack.sizeBytes);
  await readBody(c, uploadBytesMax, (piece) => {
    meter.onLoop(() => {
      scanner.push(piece);
      pack.append(piece);
    });
    return pack.backlog();
  });
  return scanner.end();
}

/** A blob that goes on in the next piece. */
interface OpenBlob {
  readonly id: Uint8Array;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly hash: Hash;
  /** The first bytes of the blob, as far as its layout may need them. */
  clear: Uint8Array;
  receivedBytes: number;
}

/** Follows the records of a body and checks every blob; keeps no bytes of the pieces it is given. */
class UploadScanner {
  readonly #received: ReceivedBlob[] = [];
  readonly #seen = new Set<string>();
  readonly #header = new Uint8Array(blobStreamHeaderBytes);
  #headerBytes = 0;
  #open: OpenBlob | undefined;
  #packOffset: number;

  /** `packOffset` is where the body's first byte stands in the pack. */
  constructor(packOffset: number) {
    this.#packOffset = packOffset;
  }

  push(piece: Uint8Array): void {
    let at = 0;
    while (at < piece.length) {
      if (this.#open !== undefined) at = this.#continue(this.#open, piece, at);
      else at = this.#begin(piece, at);
    }
    this.#packOffset += piece.length;
  }

  end(): ReceivedBlob[] {
    if (this.#open !== undefined || this.#headerBytes > 0) {
      throw new ProtocolError('malformed', 'the blob stream stops inside a blob');
    }
    return this.#received;
  }

  /** Takes the header of a record, and the blob behind it where all of it is in this piece. */
  #begin(piece: Uint8Array, from: number): number {
    const take = Math.min(piece.length - from, blobStreamHeaderBytes - this.#headerBytes);
    this.#header.set(piece.subarray(from, from + take), this.#headerBytes);
    this.#headerBytes += take;
    const at = from + take;
    if (this.#headerBytes < blobStreamHeaderBytes) return at;
    this.#headerBytes = 0;
    if (this.#received.length === uploadBlobsMax) {
      throw new ProtocolError('too-large', `at most ${String(uploadBlobsMax)} blobs in one upload`);
    }
    const id = this.#header.slice(0, blobIdBytes);
    const lengthBytes = new DataView(this.#header.buffer).getUint32(blobIdBytes);
    if (lengthBytes > blobBytesMax) throw new ProtocolError('too-large', 'a blob of the stream is too long');
    const offsetBytes = this.#packOffset + at;
    if (piece.length - at >= lengthBytes) {
      const blob = piece.subarray(at, at + lengthBytes);
      this.#finish({ id, offsetBytes, lengthBytes }, sha256Key(blob), blob);
      return at + lengthBytes;
    }
    const clear = new Uint8Array();
    this.#open = { id, offsetBytes, lengthBytes, hash: createHash('sha256'), clear, receivedBytes: 0 };
    return at;
  }

  #continue(open: OpenBlob, piece: Uint8Array, from: number): number {
    const part = piece.subarray(from, from + open.lengthBytes - open.receivedBytes);
    open.hash.update(part);
    const missing = clearBytesOf(open.clear) - open.clear.length;
    if (missing > 0) this.#gather(open, part);
    open.receivedBytes += part.length;
    if (open.receivedBytes === open.lengthBytes) {
      this.#open = undefined;
      this.#finish(open, open.hash.digest('binary'), open.clear);
    }
    return from + part.length;
  }

  /** The first bytes say how many more the layout needs, so two steps are enough. */
  #gather(open: OpenBlob, part: Uint8Array): void {
    const before = open.clear.length;
    const start = concatBytes(open.clear, part.subarray(0, Math.max(0, clearBytesOf(open.clear) - before)));
    const all = part.subarray(start.length - before, Math.max(start.length, clearBytesOf(start)) - before);
    open.clear = concatBytes(start, all);
  }

  #finish(
    blob: { readonly id: Uint8Array; readonly offsetBytes: number; readonly lengthBytes: number },
    digest: string,
    clear: Uint8Array,
  ): void {
    const { id, offsetBytes, lengthBytes } = blob;
    const key = bytesKey(id);
    if (digest !== key) throw new ProtocolError('blob-invalid', 'a blob does not have the id it came with');
    const { children } = parseBlobLayout(clear, lengthBytes);
    const isRepeated = this.#seen.has(key);
    this.#seen.add(key);
    this.#received.push({
      id,
      key,
      offsetBytes: isRepeated ? undefined : offsetBytes,
      lengthBytes,
      children: children.length === 0 ? noChildren : concatBytes(...children),
    });
  }
}

const noChildren = new Uint8Array();
