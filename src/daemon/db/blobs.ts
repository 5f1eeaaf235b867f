// Where each blob lies and what it links to (docs/storage.md, "Rows"). Ids come in as one run of 32-byte values that SQL
// cuts up itself: a statement for thousands of ids costs little more than one for ten.
import { and, eq, sql } from 'drizzle-orm';
import { blobIdBytes } from '../../protocol/limits.js';
import type { Queries } from './connection.js';
import { numbered, preparedOnce } from './prepared.js';
import { blobLinks, blobs, ownerships, packs } from './schema.js';

export interface BlobPlace {
  /** Position of the id in the run that was asked for. */
  readonly index: number;
  readonly blobNo: number;
  readonly packId: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly isDamaged: boolean;
  /** When this vault's ownership was last renewed; null where it does not own the blob. */
  readonly renewedAt: number | null;
}

/** A blob that is sound, as a query sees it. */
export interface SoundBlob {
  /** Position of the id in the run that was asked for. */
  readonly index: number;
  readonly blobNo: number;
  /** When this vault's ownership was last renewed; null where it does not own the blob. */
  readonly renewedAt: number | null;
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const idAtKey = sql`substr(${sql.placeholder('idRun')}, j.key * ${sql.raw(String(blobIdBytes))} + 1, ${sql.raw(String(blobIdBytes))})`;
const numberedIds = sql`json_each(${sql.placeholder('numbered')}) j`;

const ofVault = and(eq(ownerships.vaultNo, sql.placeholder('vaultNo')), eq(ownerships.blobNo, blobs.blobNo));

// Cross joins keep the order of the tables: the ids lead, everything else is looked up.
const blobPlaces = preparedOnce((db) =>
  db
    .select({
      index: sql`j.key`,
      blobNo: blobs.blobNo,
      packId: packs.packId,
      offsetBytes: blobs.offsetBytes,
      lengthBytes: blobs.lengthBytes,
      damaged: blobs.damaged,
      renewedAt: ownerships.renewedAt,
    })
    .from(numberedIds)
    .crossJoin(blobs)
    .crossJoin(packs)
    .leftJoin(ownerships, ofVault)
    .where(and(eq(blobs.blobId, idAtKey), eq(packs.packNo, blobs.packNo)))
    .prepare(),
);

// Damaged blobs are left out by their own index: no row is read, and while all is well that index is asked once in all.
const damagedBlobs = sql`select 1 from ${blobs} d indexed by blobs_damaged where d.damaged = 1`;
const soundBlobs = preparedOnce((db) =>
  db
    .select({ index: sql`j.key`, blobNo: blobs.blobNo, renewedAt: ownerships.renewedAt })
    .from(numberedIds)
    .crossJoin(blobs)
    .leftJoin(ownerships, ofVault)
    .where(
      and(
        eq(blobs.blobId, idAtKey),
        sql`not (exists (${damagedBlobs}) and exists (${damagedBlobs} and d.blob_no = ${blobs.blobNo}))`,
      ),
    )
    .prepare(),
);

type PlaceRow = [number, number, string, number, number, number, number | null];

/** The known blobs of a run, in the run's order; unknown ids have no row, repeated ids have one each. */
export function findBlobs(db: Queries, vaultNo: number, idRun: Uint8Array): BlobPlace[] {
  const asked = { numbered: numbered(idRun.length / blobIdBytes), idRun: buffer(idRun), vaultNo };
  // Rows as the driver gives them: mapping each by drizzle costs as much as finding it.
  const rows = blobPlaces(db).values(asked) as PlaceRow[];
  const places = rows.map(([index, blobNo, packId, offsetBytes, lengthBytes, damaged, renewedAt]) => {
    return { index, blobNo, packId, offsetBytes, lengthBytes, isDamaged: damaged !== 0, renewedAt };
  });
  return places.sort(inRunOrder);
}

/** Like `findBlobs`, without damaged blobs and without where they lie: a quarter of the price when there are millions. */
export function findSoundBlobs(db: Queries, vaultNo: number, idRun: Uint8Array): SoundBlob[] {
  const asked = { numbered: numbered(idRun.length / blobIdBytes), idRun: buffer(idRun), vaultNo };
  const rows = soundBlobs(db).values(asked) as [number, number, number | null][];
  return rows.map(([index, blobNo, renewedAt]) => ({ index, blobNo, renewedAt })).sort(inRunOrder);
}

/** The rows come so already, which nothing promises; looking costs next to nothing. */
function inRunOrder(a: { readonly index: number }, b: { readonly index: number }): number {
  return a.index - b.index;
}

/** A blob that lies in a new pack. */
export interface NewBlob {
  readonly id: Uint8Array;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

const insertedBlobs = preparedOnce((db) =>
  db
    .insert(blobs)
    .select(sql`
      select null, ${idAtKey}, ${sql.placeholder('packNo')}, json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]'), 0
      from json_each(${sql.placeholder('places')}) j where true`)
    .onConflictDoUpdate({
      target: blobs.blobId,
      set: {
        packNo: sql`excluded.pack_no`,
        offsetBytes: sql`excluded.offset_bytes`,
        lengthBytes: sql`excluded.length_bytes`,
        damaged: false,
      },
      setWhere: sql`${blobs.damaged} <> 0`,
    })
    .returning({ blobNo: blobs.blobNo, offsetBytes: blobs.offsetBytes })
    .prepare(),
);

/**
 * Adds rows for new blobs and repoints damaged ones to the new pack, healed; leaves every other known blob as it is.
 * Returns the numbers of those that now lie in the new pack, by their offset.
 */
export function insertBlobs(tx: Queries, packNo: number, news: readonly NewBlob[]): Map<number, number> {
  const idRun = Buffer.concat(news.map(({ id }) => id));
  const places = JSON.stringify(news.map(({ offsetBytes, lengthBytes }) => [offsetBytes, lengthBytes]));
  const rows = insertedBlobs(tx).values({ idRun, packNo, places }) as [number, number][];
  return new Map(rows.map(([blobNo, offsetBytes]) => [offsetBytes, blobNo]));
}

const insertedLinks = preparedOnce((db) =>
  db
    .insert(blobLinks)
    .select(sql`
      select ${sql.placeholder('parentNo')}, j.value from json_each(${sql.placeholder('childNos')}) j where true`)
    .onConflictDoNothing()
    .prepare(),
);

/** Links one parent to its children; known links stay. */
export function insertLinks(tx: Queries, parentNo: number, childNos: readonly number[]): void {
  insertedLinks(tx).run({ parentNo, childNos: JSON.stringify(childNos) });
}

export interface UnownedChild {
  readonly parentNo: number;
  readonly childNo: number;
}

/** Children of `parentNos` that the vault does not own, or that are damaged: what keeps a node from being claimed. */
export function findUnownedChildren(db: Queries, vaultNo: number, parentNos: readonly number[]): UnownedChild[] {
  return db.all<UnownedChild>(sql`
    select l.parent_no as "parentNo", l.child_no as "childNo"
    from json_each(${JSON.stringify(parentNos)}) j
    cross join blob_links l on l.parent_no = j.value
    left join ownerships o on o.vault_no = ${vaultNo} and o.blob_no = l.child_no
    left join blobs b on b.blob_no = l.child_no
    where o.blob_no is null or b.blob_no is null or b.damaged <> 0`);
}

/** True when something below `rootNo` is damaged: a snapshot with this root would not be complete. */
export function isDamagedBelow(db: Queries, vaultNo: number, rootNo: number): boolean {
  const owned = db.get(sql`
    select 1 from blobs b join ownerships o on o.vault_no = ${vaultNo} and o.blob_no = b.blob_no
    where b.damaged = 1 limit 1`);
  if (owned === undefined) return false;
  const found = db.get(sql`
    with recursive reached(blob_no) as (
      select ${rootNo} union select l.child_no from reached r join blob_links l on l.parent_no = r.blob_no)
    select 1 from reached r join blobs b on b.blob_no = r.blob_no where b.damaged = 1 limit 1`);
  return found !== undefined;
}

/** Marks blobs whose bytes in `packId` are lost. A blob that has moved to another pack meanwhile is left alone. */
export function markDamaged(tx: Queries, packId: string, blobNos: readonly number[]): void {
  tx.run(sql`
    update blobs set damaged = 1
    where blob_no in (select value from json_each(${JSON.stringify(blobNos)}))
    and pack_no = (select pack_no from packs where pack_id = ${packId})`);
}
