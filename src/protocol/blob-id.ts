// A blob id is the SHA-256 of the blob's bytes (docs/format.md, "Blobs"): what the daemon checks, what manifests refer to.
import { hash } from 'node:crypto';
import { fromHex, toHex } from './bytes.js';
import { ProtocolError } from './errors.js';
import { blobIdBytes } from './limits.js';

/** 64 lower-case hex digits. Bulk paths carry ids as raw 32-byte runs instead. */
export type BlobId = string & { readonly brand: 'BlobId' };

export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hash('sha256', bytes, 'buffer'));
}

/** The digest as `bytesKey` writes it: for comparing and looking up, at half the price of bytes. */
export function sha256Key(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'binary');
}

/** Parses 64 lower-case hex digits; throws ProtocolError `malformed`. */
export function parseBlobId(text: string): BlobId {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new ProtocolError('malformed', 'not a blob id');
  return text as BlobId;
}

/** The hex form of 32 raw bytes. */
export function blobIdOf(raw: Uint8Array): BlobId {
  if (raw.length !== blobIdBytes) throw new ProtocolError('malformed', 'a blob id has 32 bytes');
  return toHex(raw) as BlobId;
}

export function blobIdToBytes(id: BlobId): Uint8Array<ArrayBuffer> {
  return fromHex(id);
}

/** How many ids a run has; throws `malformed` where its length is not a multiple of 32, `too-large` past `idsMax`. */
export function countBlobIds(run: Uint8Array, idsMax: number): number {
  if (run.length % blobIdBytes !== 0) throw new ProtocolError('malformed', 'ids are runs of 32 bytes');
  const count = run.length / blobIdBytes;
  if (count > idsMax) throw new ProtocolError('too-large', `at most ${String(idsMax)} ids`);
  return count;
}

/** Splits a run of ids; throws as `countBlobIds` does. */
export function splitBlobIds(run: Uint8Array, idsMax: number): Uint8Array[] {
  countBlobIds(run, idsMax);
  const ids: Uint8Array[] = [];
  for (let at = 0; at < run.length; at += blobIdBytes) ids.push(run.subarray(at, at + blobIdBytes));
  return ids;
}
