// Possession proof of one blob (docs/protocol.md, "Possession proofs"): an HMAC over slices of the ciphertext at places
// that only the daemon's fresh nonce decides, so neither an id nor a part of the blob known beforehand is enough.
import { ok } from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { concatBytes, utf8 } from './bytes.js';
import { hkdfBlock, hkdfBlockBytes, hkdfBlockInput } from './hkdf-block.js';
import { possessionSliceBytes, possessionSliceCount, possessionWholeBytesMax } from './limits.js';

export const possessionProofBytes = 16;

const wordBytes = 8;
ok(possessionSliceCount * wordBytes <= hkdfBlockBytes, 'one block decides every offset');
const offsetsInput = hkdfBlockInput(utf8('jaycloud/1/possession-offsets'));
const proofLabel = concatBytes(utf8('jaycloud/1/possession'), Uint8Array.of(0));

export interface Slice {
  readonly offset: number;
  readonly length: number;
}

/** Which parts of a blob of this length the nonce asks for; whole blobs up to 4 KiB. */
export function possessionSlices(nonce: Uint8Array, id: Uint8Array, lengthBytes: number): Slice[] {
  if (lengthBytes <= possessionWholeBytesMax) return [{ offset: 0, length: lengthBytes }];
  const words = hkdfBlock(nonce, id, offsetsInput);
  const span = BigInt(lengthBytes - possessionSliceBytes + 1);
  const slices: Slice[] = [];
  for (let i = 0; i < possessionSliceCount; i += 1) {
    slices.push({ offset: Number(words.readBigUInt64BE(i * wordBytes) % span), length: possessionSliceBytes });
  }
  return slices;
}

/** `slices` are the bytes at `possessionSlices`, in that order, joined. `vaultId` is the claiming vault's 16 bytes. */
export function possessionProof(
  nonce: Uint8Array,
  vaultId: Uint8Array,
  id: Uint8Array,
  slices: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const mac = createHmac('sha256', nonce)
    .update(concatBytes(proofLabel, vaultId, id))
    .update(slices)
    .digest();
  return new Uint8Array(mac.subarray(0, possessionProofBytes));
}
