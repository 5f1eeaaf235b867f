// Blobs as the daemon sees them: a valid header, children in the clear, random bytes for the ciphertext.
import { randomBytes } from 'node:crypto';
import { sha256 } from '../../src/protocol/blob-id.js';
import { blobMagic, gcmTagBytes, leafType, nodeType, paddedLength } from '../../src/protocol/blob-layout.js';
import { encodeBlobStreamHeader } from '../../src/protocol/blob-stream.js';
import { concatBytes } from '../../src/protocol/bytes.js';

export interface TestBlob {
  readonly id: Uint8Array;
  readonly blob: Uint8Array;
}

export function blobOf(blob: Uint8Array): TestBlob {
  return { id: sha256(blob), blob };
}

function ciphertext(frameBytes: number): Uint8Array {
  return randomBytes(paddedLength(frameBytes) + gcmTagBytes);
}

export function leafBlob(frameBytes = 1024): TestBlob {
  return blobOf(concatBytes(blobMagic, Uint8Array.of(leafType), ciphertext(frameBytes)));
}

export function nodeBlob(children: readonly TestBlob[], frameBytes = 1024): TestBlob {
  const count = new Uint8Array(4);
  new DataView(count.buffer).setUint32(0, children.length);
  const ids = children.map(({ id }) => id);
  return blobOf(concatBytes(blobMagic, Uint8Array.of(nodeType), count, ...ids, ciphertext(frameBytes)));
}

export function streamOf(blobs: readonly TestBlob[]): Uint8Array<ArrayBuffer> {
  return concatBytes(...blobs.flatMap(({ id, blob }) => [encodeBlobStreamHeader(id, blob.length), blob]));
}

export function idsOf(blobs: readonly TestBlob[]): Uint8Array<ArrayBuffer> {
  return concatBytes(...blobs.map(({ id }) => id));
}
