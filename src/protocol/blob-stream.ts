// The framing of many blobs in one body, both ways (docs/protocol.md, "Blob streams"):
// per blob `id (32) | length u32, big-endian | bytes`. In a download a length of 0 means "not yours or not there".
import { blobHeaderBytes, gcmTagBytes, paddedLength } from './blob-layout.js';
import { concatBytes } from './bytes.js';
import { ProtocolError } from './errors.js';
import { blobBytesMax, blobIdBytes, frameHeaderBytes } from './limits.js';

export const blobStreamHeaderBytes = blobIdBytes + 4;

/** One blob of a stream. `blob` is empty where a download has nothing to give. */
export interface StreamedBlob {
  readonly id: Uint8Array;
  readonly blob: Uint8Array;
}

/** The 36 bytes before a blob. */
export function encodeBlobStreamHeader(id: Uint8Array, lengthBytes: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(blobStreamHeaderBytes);
  header.set(id);
  new DataView(header.buffer).setUint32(blobIdBytes, lengthBytes);
  return header;
}

/** The most that the record of a data chunk of `rawLength` bytes takes: compression only makes it shorter. */
export function leafRecordBytesMax(rawLength: number): number {
  return blobStreamHeaderBytes + blobHeaderBytes + paddedLength(frameHeaderBytes + rawLength) + gcmTagBytes;
}

/** One blob as it travels: its header and its bytes. */
export function encodeBlobRecord({ id, blob }: StreamedBlob): Uint8Array<ArrayBuffer> {
  return concatBytes(encodeBlobStreamHeader(id, blob.length), blob);
}

/** Cuts a run of whole records apart, as views; throws ProtocolError `malformed` where the last one is cut short. */
export function splitBlobRecords(run: Uint8Array): Uint8Array[] {
  const view = new DataView(run.buffer, run.byteOffset, run.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at < run.length; ) {
    const end =
      at + blobStreamHeaderBytes <= run.length
        ? at + blobStreamHeaderBytes + view.getUint32(at + blobIdBytes)
        : Number.POSITIVE_INFINITY;
    if (end > run.length) throw new ProtocolError('malformed', 'the blob stream stops inside a blob');
    records.push(run.subarray(at, end));
    at = end;
  }
  return records;
}

/**
 * Cuts a stream of arbitrary pieces into blobs. `push` returns the blobs that the piece completed; the bytes belong to
 * the caller only when a blob lies within one piece, else they are a fresh copy. Throws ProtocolError `too-large`
 * for a length beyond any blob, `malformed` from `end` when the stream stops inside a blob.
 */
export class BlobStreamParser {
  #header = new Uint8Array(blobStreamHeaderBytes);
  #headerFill = 0;
  #blob: Uint8Array | undefined;
  #blobFill = 0;

  push(piece: Uint8Array): StreamedBlob[] {
    const complete: StreamedBlob[] = [];
    let at = 0;
    while (at < piece.length) {
      if (this.#blob === undefined) {
        at = this.#takeHeader(piece, at);
        if (this.#headerFill < blobStreamHeaderBytes) break;
        const length = new DataView(this.#header.buffer).getUint32(blobIdBytes);
        if (length > blobBytesMax) throw new ProtocolError('too-large', 'a blob of the stream is too long');
        if (piece.length - at >= length) {
          complete.push({ id: this.#header.slice(0, blobIdBytes), blob: piece.subarray(at, at + length) });
          at += length;
          this.#headerFill = 0;
          continue;
        }
        this.#blob = new Uint8Array(length);
        this.#blobFill = 0;
      }
      const take = Math.min(piece.length - at, this.#blob.length - this.#blobFill);
      this.#blob.set(piece.subarray(at, at + take), this.#blobFill);
      this.#blobFill += take;
      at += take;
      if (this.#blobFill < this.#blob.length) break;
      complete.push({ id: this.#header.slice(0, blobIdBytes), blob: this.#blob });
      this.#blob = undefined;
      this.#headerFill = 0;
    }
    return complete;
  }

  end(): void {
    if (this.#headerFill > 0 || this.#blob !== undefined) {
      throw new ProtocolError('malformed', 'the blob stream stops inside a blob');
    }
  }

  #takeHeader(piece: Uint8Array, from: number): number {
    const take = Math.min(piece.length - from, blobStreamHeaderBytes - this.#headerFill);
    this.#header.set(piece.subarray(from, from + take), this.#headerFill);
    this.#headerFill += take;
    return from + take;
  }
}
