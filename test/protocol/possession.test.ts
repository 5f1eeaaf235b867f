// Possession proofs beside the independent script (docs/protocol.md, "Possession proofs").
import { expect, it } from 'vitest';
import { sha256 } from '../../src/protocol/blob-id.js';
import { concatBytes, fromHex, toHex } from '../../src/protocol/bytes.js';
import { possessionProof, possessionSlices } from '../../src/protocol/possession.js';
import { readVectors, testStream } from '../helpers/vectors.js';

interface PossessionVectors {
  readonly seed: string;
  readonly nonce: string;
  readonly vaultId: string;
  readonly cases: readonly {
    readonly blobLength: number;
    readonly id: string;
    readonly slices: readonly (readonly [number, number])[];
    readonly proof: string;
  }[];
}

const vectors = readVectors('possession.json') as PossessionVectors;
const nonce = fromHex(vectors.nonce);
const vaultId = fromHex(vectors.vaultId);

function proofOf(blob: Uint8Array, forVault = vaultId, asked = nonce): string {
  const id = sha256(blob);
  const parts = possessionSlices(asked, id, blob.length).map(({ offset, length }) =>
    blob.subarray(offset, offset + length),
  );
  return toHex(possessionProof(asked, forVault, id, concatBytes(...parts)));
}

it.each(vectors.cases)('asks for the slices, and has the proof, of $blobLength bytes', (vector) => {
  const blob = testStream(fromHex(vectors.seed), vector.blobLength);
  expect(toHex(sha256(blob))).toBe(vector.id);
  const slices = possessionSlices(nonce, fromHex(vector.id), vector.blobLength);
  expect(slices.map(({ offset, length }) => [offset, length])).toEqual(vector.slices);
  expect(proofOf(blob)).toBe(vector.proof);
});

it('is another one for another vault and for another nonce', () => {
  const blob = testStream(fromHex(vectors.seed), 70_000);
  const others = [proofOf(blob), proofOf(blob, new Uint8Array(16)), proofOf(blob, vaultId, sha256(nonce))];
  expect(new Set(others).size).toBe(3);
});
