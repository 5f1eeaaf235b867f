// What anybody can see of a blob without keys (docs/format.md, "Blobs"): header, clear children, padded length.
import { ProtocolError } from './errors.js';
import { blobIdBytes, childrenMax, frameBytesMax } from './limits.js';

/** "JC", suite 1, then the type byte: 0 leaf, 1 node. */
export const blobMagic = Uint8Array.of(0x4a, 0x43, 0x01);
export const leafType = 0;
export const nodeType = 1;
export const blobHeaderBytes = 4;
export const gcmTagBytes = 16;

/** Smallest frame; everything shorter is padded up to it. */
export const frameBytesMin = 1024;

/**
 * Padmé length of a frame (Nikitin et al., PoPETs 2019), at least 1,024: lengths keep only about
 * log2(log2 L) significant bits, so a length says little and costs at most 12 %.
 */
export function paddedLength(lengthBytes: number): number {
  if (lengthBytes <= frameBytesMin) return frameBytesMin;
  const exponent = 31 - Math.clz32(lengthBytes);
  const significant = 32 - Math.clz32(exponent);
  const mask = 2 ** (exponent - significant) - 1;
  return (lengthBytes + mask) & ~mask;
}

export interface BlobLayout {
  readonly type: 'leaf' | 'node';
  /** Raw ids, 32 bytes each, in the blob's order. */
  readonly children: readonly Uint8Array[];
  /** Where the ciphertext starts: everything before it is clear and authenticated. */
  readonly frameOffset: number;
  readonly frameLength: number;
}

/** How many bytes of a blob its layout needs, as far as its first bytes (at least 8 of a node) tell. */
export function clearBytesOf(start: Uint8Array): number {
  if (start[3] !== nodeType || start.length < blobHeaderBytes + 4) return blobHeaderBytes + 4;
  const count = new DataView(start.buffer, start.byteOffset).getUint32(blobHeaderBytes);
  return blobHeaderBytes + 4 + Math.min(count, childrenMax) * blobIdBytes;
}

/**
 * Reads the clear part of a blob; `lengthBytes` is that of the whole blob where only its beginning is there. Throws ProtocolError `unsupported-version` for another magic or suite and
 * `blob-invalid` for an unknown type, a bad child list or a length that no padding gives.
 */
export function parseBlobLayout(blob: Uint8Array, lengthBytes = blob.length): BlobLayout {
  if (blob.length < blobHeaderBytes) throw new ProtocolError('blob-invalid', 'blob is shorter than its header');
  if (blob[0] !== blobMagic[0] || blob[1] !== blobMagic[1] || blob[2] !== blobMagic[2]) {
    throw new ProtocolError('unsupported-version', 'unknown blob header');
  }
  const type = blob[3];
  if (type !== leafType && type !== nodeType) throw new ProtocolError('blob-invalid', 'unknown blob type');
  let frameOffset = blobHeaderBytes;
  const children: Uint8Array[] = [];
  if (type === nodeType) {
    if (blob.length < blobHeaderBytes + 4) throw new ProtocolError('blob-invalid', 'node blob without a child count');
    const count = new DataView(blob.buffer, blob.byteOffset).getUint32(blobHeaderBytes);
    if (count > childrenMax) throw new ProtocolError('blob-invalid', 'too many children');
    frameOffset += 4 + count * blobIdBytes;
    if (blob.length < frameOffset) throw new ProtocolError('blob-invalid', 'child list is cut short');
    for (let at = blobHeaderBytes + 4; at < frameOffset; at += blobIdBytes) {
      children.push(blob.subarray(at, at + blobIdBytes));
    }
  }
  const frameLength = lengthBytes - frameOffset - gcmTagBytes;
  if (frameLength < frameBytesMin || frameLength > frameBytesMax || paddedLength(frameLength) !== frameLength) {
    throw new ProtocolError('blob-invalid', 'blob length is not a padded length');
  }
  return { type: type === nodeType ? 'node' : 'leaf', children, frameOffset, frameLength };
}
