// Who owns which blob. The vault's sum of owned bytes changes in the same transaction as its ownerships.
import { sql } from 'drizzle-orm';
import { ProtocolError } from '../../protocol/errors.js';
import type { Queries } from './connection.js';

/**
 * Makes the vault an owner of all of `blobNos` and renews what it owned before. Throws ProtocolError `quota-exceeded`
 * when the sum passes `quotaBytes` (null: no quota); the caller's transaction then leaves no trace.
 */
export function addOwnerships(
  tx: Queries,
  vaultNo: number,
  blobNos: readonly number[],
  nowMs: number,
  quotaBytes: number | null,
): void {
  if (blobNos.length === 0) return;
  const numbers = JSON.stringify(blobNos);
  tx.run(sql`
    update vaults set owned_bytes = owned_bytes + (
      select coalesce(sum(b.length_bytes), 0) from (select distinct value as blob_no from json_each(${numbers})) j
      cross join blobs b on b.blob_no = j.blob_no
      where not exists (select 1 from ownerships o where o.vault_no = ${vaultNo} and o.blob_no = j.blob_no))
    where vault_no = ${vaultNo}`);
  if (
    quotaBytes !== null &&
    tx.get(sql`
    select 1 from vaults where vault_no = ${vaultNo} and owned_bytes > ${quotaBytes}`) !== undefined
  ) {
    throw new ProtocolError('quota-exceeded', 'the vault would own more than its quota');
  }
  tx.run(sql`
    insert into ownerships (vault_no, blob_no, renewed_at)
    select ${vaultNo}, value, ${nowMs} from json_each(${numbers}) where true
    on conflict (vault_no, blob_no) do update set renewed_at = max(renewed_at, excluded.renewed_at)`);
}

/** Tells garbage collection that the vault still counts on these blobs. */
export function renewOwnerships(tx: Queries, vaultNo: number, blobNos: readonly number[], nowMs: number): void {
  if (blobNos.length === 0) return;
  tx.run(sql`
    update ownerships set renewed_at = max(renewed_at, ${nowMs})
    where vault_no = ${vaultNo} and blob_no in (select value from json_each(${JSON.stringify(blobNos)}))`);
}
