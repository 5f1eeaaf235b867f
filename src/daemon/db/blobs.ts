// Where each blob lies and what it links to (docs/storage.md, "Rows"). Ids come in as one run of 32-byte values that SQL
// cuts up itself: a statement for thousands of ids costs little more than one for ten.
import { sql } from 'drizzle-orm';
import { blobIdBytes } from '../../protocol/limits.js';
import type { Queries } from './connection.js';

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

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The known blobs of a run, in the run's order; unknown ids have no row, repeated ids have one each. */
export function findBlobs(db: Queries, vaultNo: number, idRun: Uint8Array): BlobPlace[] {
  const count = idRun.length / blobIdBytes;
  const rows = db.all<Omit<BlobPlace, 'isDamaged'> & { damaged: number }>(sql`
    with recursive n(i) as (select 0 where ${count} > 0 union all select i + 1 from n where i + 1 < ${count})
    select n.i as "index", b.blob_no as "blobNo", p.pack_id as "packId", b.offset_bytes as "offsetBytes",
      b.length_bytes as "lengthBytes", b.damaged as "damaged", o.renewed_at as "renewedAt"
    from n
    cross join blobs b on b.blob_id = substr(${buffer(idRun)}, n.i * ${blobIdBytes} + 1, ${blobIdBytes})
    cross join packs p on p.pack_no = b.pack_no
    left join ownerships o on o.vault_no = ${vaultNo} and o.blob_no = b.blob_no
    order by n.i`);
  return rows.map(({ damaged, ...row }) => ({ ...row, isDamaged: damaged !== 0 }));
}

/** A blob that lies in a new pack. */
export interface NewBlob {
  readonly id: Uint8Array;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/**
 * Adds rows for new blobs and repoints damaged ones to the new pack, healed; leaves every other known blob as it is.
 * Returns the numbers of those that now lie in the new pack, by their offset.
 */
export function insertBlobs(tx: Queries, packNo: number, blobs: readonly NewBlob[]): Map<number, number> {
  const idRun = Buffer.concat(blobs.map(({ id }) => id));
  const places = JSON.stringify(blobs.map(({ offsetBytes, lengthBytes }) => [offsetBytes, lengthBytes]));
  const rows = tx.all<{ blobNo: number; offsetBytes: number }>(sql`
    insert into blobs (blob_id, pack_no, offset_bytes, length_bytes, damaged)
    select substr(${idRun}, j.key * ${blobIdBytes} + 1, ${blobIdBytes}), ${packNo},
      json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]'), 0
    from json_each(${places}) j where true
    on conflict (blob_id) do update
    set pack_no = excluded.pack_no, offset_bytes = excluded.offset_bytes, length_bytes = excluded.length_bytes, damaged = 0
    where blobs.damaged <> 0
    returning blob_no as "blobNo", offset_bytes as "offsetBytes"`);
  return new Map(rows.map(({ blobNo, offsetBytes }) => [offsetBytes, blobNo]));
}

/** `links` are pairs (parent number, child number); known ones stay. */
export function insertLinks(tx: Queries, links: readonly (readonly [number, number])[]): void {
  if (links.length === 0) return;
  tx.run(sql`
    insert into blob_links (parent_no, child_no)
    select json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]') from json_each(${JSON.stringify(links)}) j
    where true on conflict do nothing`);
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
