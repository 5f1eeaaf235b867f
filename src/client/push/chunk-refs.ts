// References to chunks in bytes: id, key and raw length of each.
import { blobIdBytes } from '../../protocol/limits.js';
import { blobKeyBytes, type ChunkRef } from '../seal.js';

/** Where the fields of a reference begin. */
export const refFields = { id: 0, key: blobIdBytes, rawLength: blobIdBytes + blobKeyBytes } as const;
export const refBytes = refFields.rawLength + 4;

/** `count` references from `from` on; ids and keys are views into the same memory. */
export function readChunkRefs(view: DataView, from: number, count: number): ChunkRef[] {
  const { buffer, byteOffset } = view;
  const chunks: ChunkRef[] = [];
  for (let at = from; chunks.length < count; at += refBytes) {
    chunks.push({
      id: new Uint8Array(buffer, byteOffset + at + refFields.id, blobIdBytes),
      key: new Uint8Array(buffer, byteOffset + at + refFields.key, blobKeyBytes),
      rawLength: view.getUint32(at + refFields.rawLength),
    });
  }
  return chunks;
}
