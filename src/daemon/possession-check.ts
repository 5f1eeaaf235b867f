// Checks possession proofs against the packs (docs/protocol.md, "Possession proofs"). A proof that fails only means
// "please upload"; a blob that cannot be read is marked damaged, so the upload heals it.
import { timingSafeEqual } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { concatBytes } from '../protocol/bytes.js';
import { possessionProof, possessionSlices } from '../protocol/possession.js';
import { type BlobPlace, findBlobs, markDamaged } from './db/blobs.js';
import type { Database } from './db/connection.js';
import type { PackReader } from './packs/pack-reader.js';

export interface Claim {
  readonly id: Uint8Array;
  /** 16 bytes. */
  readonly proof: Uint8Array;
}

/** Reads are synchronous; after this many blobs other requests get their turn. */
const blobsPerTurn = 256;

interface ProofCheck {
  readonly database: Database;
  readonly packReader: PackReader;
  readonly vaultNo: number;
  readonly vaultId: Uint8Array;
  readonly nonce: Uint8Array;
  readonly claims: readonly Claim[];
}

/** The numbers of all blobs that are claimed with a right proof. What the vault owns already needs none. */
export async function checkProofs(check: ProofCheck): Promise<ReadonlySet<number>> {
  const { database, packReader, vaultId, nonce, claims } = check;
  const places = findBlobs(database.orm, check.vaultNo, concatBytes(...claims.map(({ id }) => id)))
    .filter((place) => !place.isDamaged && place.renewedAt === null)
    .sort(inPackOrder);
  const proven = new Set<number>();
  const lost = new Map<string, number[]>();
  for (const [turn, place] of places.entries()) {
    if (turn % blobsPerTurn === blobsPerTurn - 1) await setImmediate();
    const claim = claims[place.index];
    if (claim === undefined) continue;
    const slices = possessionSlices(nonce, claim.id, place.lengthBytes);
    const inPack = slices.map(({ offset, length }) => ({ offset: place.offsetBytes + offset, length }));
    const bytes = packReader.readSlices(place.packId, inPack);
    if (bytes === undefined) {
      lost.set(place.packId, [...(lost.get(place.packId) ?? []), place.blobNo]);
    } else if (timingSafeEqual(possessionProof(nonce, vaultId, claim.id, bytes), claim.proof)) {
      proven.add(place.blobNo);
    }
  }
  if (lost.size > 0) {
    database.transaction((tx) => {
      for (const [packId, blobNos] of lost) markDamaged(tx, packId, blobNos);
    });
  }
  return proven;
}

/** Reads that follow each other on the disk are the cheap ones. */
function inPackOrder(a: BlobPlace, b: BlobPlace): number {
  if (a.packId !== b.packId) return a.packId < b.packId ? -1 : 1;
  return a.offsetBytes - b.offsetBytes;
}
