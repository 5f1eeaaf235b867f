// Blobs from packs, in the order asked (docs/protocol.md, "fetchBlobs"). A record in a pack looks like one in the answer,
// so neighbours are read and sent in one piece.
import { blobStreamHeaderBytes, encodeBlobStreamHeader } from '../protocol/blob-stream.js';
import { equalBytes } from '../protocol/bytes.js';
import { blobIdBytes } from '../protocol/limits.js';
import { type BlobPlace, findBlobs, markDamaged } from './db/blobs.js';
import type { Database } from './db/connection.js';
import type { PackReader } from './packs/pack-reader.js';

/** Longest read of neighbours; a single blob may be longer. */
const readBytesMax = 4 * 1024 * 1024;

interface WantedRecord {
  readonly id: Uint8Array;
  readonly place: BlobPlace;
}

/** Records that lie side by side in one pack, or one id that has nothing to give. */
type PlannedRead = { readonly records: readonly WantedRecord[] } | { readonly absentId: Uint8Array };

export interface BlobSource {
  readonly database: Database;
  readonly packReader: PackReader;
}

function planReads(source: BlobSource, vaultNo: number, idRun: Uint8Array): PlannedRead[] {
  const places = new Map(
    findBlobs(source.database.orm, vaultNo, idRun)
      .filter((place) => place.renewedAt !== null && !place.isDamaged)
      .map((place) => [place.index, place]),
  );
  const reads: PlannedRead[] = [];
  let run: WantedRecord[] = [];
  let runBytes = 0;
  for (let index = 0; index < idRun.length / blobIdBytes; index += 1) {
    const id = idRun.subarray(index * blobIdBytes, (index + 1) * blobIdBytes);
    const place = places.get(index);
    if (place === undefined) {
      run = [];
      reads.push({ absentId: id });
      continue;
    }
    const recordBytes = blobStreamHeaderBytes + place.lengthBytes;
    const last = run.at(-1)?.place;
    const isNeighbour =
      last?.packId === place.packId &&
      last.offsetBytes + last.lengthBytes + blobStreamHeaderBytes === place.offsetBytes;
    if (!isNeighbour || runBytes + recordBytes > readBytesMax) {
      run = [];
      runBytes = 0;
      reads.push({ records: run });
    }
    run.push({ id, place });
    runBytes += recordBytes;
  }
  return reads;
}

/** The bytes of neighbouring records, headers included; undefined when any of them is not what its row says. */
async function readRecords(source: BlobSource, records: readonly WantedRecord[]): Promise<Uint8Array | undefined> {
  const [first, last] = [records[0]?.place, records.at(-1)?.place];
  if (first === undefined || last === undefined) return undefined;
  const from = first.offsetBytes - blobStreamHeaderBytes;
  const length = last.offsetBytes + last.lengthBytes - from;
  const bytes = await source.packReader.readRange(first.packId, from, length);
  if (bytes === undefined) return undefined;
  for (const { id, place } of records) {
    const headerAt = place.offsetBytes - blobStreamHeaderBytes - from;
    const header = bytes.subarray(headerAt, headerAt + blobStreamHeaderBytes);
    if (!equalBytes(header, encodeBlobStreamHeader(id, place.lengthBytes))) return undefined;
  }
  return bytes;
}

function reportLost(source: BlobSource, place: BlobPlace): void {
  source.database.transaction((tx) => {
    markDamaged(tx, place.packId, [place.blobNo]);
  });
}

/**
 * The answer to a batch download, piece by piece, never more than one read in memory. What the vault does not own, what
 * is absent and what is damaged look alike: a record of length 0.
 */
export async function* streamBlobs(
  source: BlobSource,
  vaultNo: number,
  idRun: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const planned of planReads(source, vaultNo, idRun)) {
    if ('absentId' in planned) {
      yield encodeBlobStreamHeader(planned.absentId, 0);
      continue;
    }
    const bytes = await readRecords(source, planned.records);
    if (bytes !== undefined) {
      yield bytes;
      continue;
    }
    // One lost record must not take its neighbours with it.
    for (const record of planned.records) {
      const alone = await readRecords(source, [record]);
      if (alone === undefined) reportLost(source, record.place);
      yield alone ?? encodeBlobStreamHeader(record.id, 0);
    }
  }
}
