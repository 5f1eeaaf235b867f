// What a claim says of one blob: its id, and the proof that all of it is here.
import { blobStreamHeaderBytes } from '../../protocol/blob-stream.js';
import { concatBytes } from '../../protocol/bytes.js';
import { blobIdBytes } from '../../protocol/limits.js';
import { possessionProof, possessionSlices } from '../../protocol/possession.js';

export function proofOf(record: Uint8Array, nonce: Uint8Array, vaultId: Uint8Array): Uint8Array {
  const id = record.subarray(0, blobIdBytes);
  const blob = record.subarray(blobStreamHeaderBytes);
  const slices = possessionSlices(nonce, id, blob.length);
  const bytes = slices.map(({ offset, length }) => blob.subarray(offset, offset + length));
  return concatBytes(id, possessionProof(nonce, vaultId, id, concatBytes(...bytes)));
}
