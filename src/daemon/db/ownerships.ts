// Who owns which blob. The vault's sum of owned bytes changes in the same transaction as its ownerships.
import { sql } from 'drizzle-orm';
import { ProtocolError } from '../../protocol/errors.js';
import type { Queries } from './connection.js';

/** For whom blobs are stored, and how much. */
export interface Owner {
  readonly vaultNo: number;
  /** Logical bytes that the vault may own; null for no quota. */
  readonly quotaBytes: number | null;
  /** The token that stores them, whose own quota counts too. */
  readonly token: TokenQuota | undefined;
}

export interface TokenQuota {
  readonly tokenId: string;
  /** 0 for no quota. */
  readonly quotaBytes: number;
}

/**
 * Makes the vault an owner of all of `blobNos` and renews what it owned before. Throws ProtocolError `quota-exceeded` or
 * `token-quota-exceeded` when a sum passes its limit; the caller's transaction then leaves no trace. Returns how many are new.
 */
export function addOwnerships(tx: Queries, owner: Owner, blobNos: readonly number[], nowMs: number): number {
  if (blobNos.length === 0) return 0;
  const { vaultNo, quotaBytes, token } = owner;
  const numbers = JSON.stringify(blobNos);
  const added = tx.get<{ bytes: number; blobs: number }>(sql`
    select coalesce(sum(b.length_bytes), 0) as "bytes", count(*) as "blobs"
    from (select distinct value as blob_no from json_each(${numbers})) j
    cross join blobs b on b.blob_no = j.blob_no
    where not exists (select 1 from ownerships o where o.vault_no = ${vaultNo} and o.blob_no = j.blob_no)`);
  const owned = tx.get<{ bytes: number }>(sql`
    update vaults set owned_bytes = owned_bytes + ${added.bytes} where vault_no = ${vaultNo}
    returning owned_bytes as "bytes"`);
  if (quotaBytes !== null && owned.bytes > quotaBytes) {
    throw new ProtocolError('quota-exceeded', 'the vault would own more than its quota');
  }
  if (token !== undefined && added.bytes > 0) {
    const used = tx.get<{ bytes: number }>(sql`
      update tokens set used_bytes = used_bytes + ${added.bytes} where token_id = ${token.tokenId}
      returning used_bytes as "bytes"`);
    if (token.quotaBytes > 0 && used.bytes > token.quotaBytes) {
      throw new ProtocolError('token-quota-exceeded', 'the token would have stored more than its quota');
    }
  }
  tx.run(sql`
    insert into ownerships (vault_no, blob_no, renewed_at)
    select ${vaultNo}, value, ${nowMs} from json_each(${numbers}) where true
    on conflict (vault_no, blob_no) do update set renewed_at = max(renewed_at, excluded.renewed_at)`);
  return added.blobs;
}

/** `rootNo` and everything below it that the vault does not own: what owns a node owns all below, so the walk stops there. */
export function findUnownedBelow(db: Queries, vaultNo: number, rootNo: number): number[] {
  const rows = db.all<{ blobNo: number }>(sql`
    with recursive reached(blob_no) as (
      select ${rootNo} where not exists (select 1 from ownerships o where o.vault_no = ${vaultNo} and o.blob_no = ${rootNo})
      union
      select l.child_no from reached r cross join blob_links l on l.parent_no = r.blob_no
      where not exists (select 1 from ownerships o where o.vault_no = ${vaultNo} and o.blob_no = l.child_no))
    select blob_no as "blobNo" from reached`);
  return rows.map(({ blobNo }) => blobNo);
}

/** How many vaults own each blob; those of push-only tokens count, and blobs without an owner are left out. */
export function countOwners(db: Queries, blobNos: readonly number[]): Map<number, number> {
  const rows = db.all<{ blobNo: number; owners: number }>(sql`
    select o.blob_no as "blobNo", count(*) as "owners" from ownerships o
    where o.blob_no in (select value from json_each(${JSON.stringify(blobNos)})) group by o.blob_no`);
  return new Map(rows.map(({ blobNo, owners }) => [blobNo, owners]));
}

/** Tells garbage collection that the vault still counts on these blobs. */
export function renewOwnerships(tx: Queries, vaultNo: number, blobNos: readonly number[], nowMs: number): void {
  if (blobNos.length === 0) return;
  tx.run(sql`
    update ownerships set renewed_at = max(renewed_at, ${nowMs})
    where vault_no = ${vaultNo} and blob_no in (select value from json_each(${JSON.stringify(blobNos)}))`);
}
