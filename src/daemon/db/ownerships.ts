// Who owns which blob. The vault's sum of owned bytes changes in the same transaction as its ownerships.
import assert from 'node:assert/strict';
import { and, eq, sql } from 'drizzle-orm';
import { ProtocolError } from '../../protocol/errors.js';
import type { Queries } from './connection.js';
import { preparedOnce } from './prepared.js';
import { blobs, ownerships, tokens, vaults } from './schema.js';

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

/** Numbers of blobs in one parameter. */
const numberedBlobs = sql`json_each(${sql.placeholder('blobNos')})`;

const unownedBlobs = preparedOnce((db) =>
  db
    .select({ bytes: sql<number>`coalesce(sum(${blobs.lengthBytes}), 0)`, count: sql<number>`count(*)` })
    .from(sql`(select distinct value as blob_no from ${numberedBlobs}) j`)
    .crossJoin(blobs)
    .where(
      and(
        sql`${blobs.blobNo} = j.blob_no`,
        sql`not exists (select 1 from ${ownerships} o where o.vault_no = ${sql.placeholder('vaultNo')} and o.blob_no = j.blob_no)`,
      ),
    )
    .prepare(),
);

const growVault = preparedOnce((db) =>
  db
    .update(vaults)
    .set({ ownedBytes: sql`${vaults.ownedBytes} + ${sql.placeholder('bytes')}` })
    .where(eq(vaults.vaultNo, sql.placeholder('vaultNo')))
    .returning({ bytes: vaults.ownedBytes })
    .prepare(),
);

const growToken = preparedOnce((db) =>
  db
    .update(tokens)
    .set({ usedBytes: sql`${tokens.usedBytes} + ${sql.placeholder('bytes')}` })
    .where(eq(tokens.tokenId, sql.placeholder('tokenId')))
    .returning({ bytes: tokens.usedBytes })
    .prepare(),
);

const insertedOwnerships = preparedOnce((db) =>
  db
    .insert(ownerships)
    .select(sql`
      select ${sql.placeholder('vaultNo')}, value, ${sql.placeholder('nowMs')} from ${numberedBlobs} where true`)
    .onConflictDoUpdate({
      target: [ownerships.vaultNo, ownerships.blobNo],
      set: { renewedAt: sql`max(renewed_at, excluded.renewed_at)` },
    })
    .prepare(),
);

/**
 * Makes the vault an owner of all of `blobNos` and renews what it owned before. Throws ProtocolError `quota-exceeded` or
 * `token-quota-exceeded` when a sum passes its limit; the caller's transaction then leaves no trace. Returns how many are new.
 */
export function addOwnerships(tx: Queries, owner: Owner, blobNos: readonly number[], nowMs: number): number {
  if (blobNos.length === 0) return 0;
  const { vaultNo, quotaBytes, token } = owner;
  const numbers = JSON.stringify(blobNos);
  const added = unownedBlobs(tx).get({ vaultNo, blobNos: numbers });
  assert(added !== undefined, 'a sum is always one row');
  const owned = growVault(tx).get({ vaultNo, bytes: added.bytes });
  if (quotaBytes !== null && owned.bytes > quotaBytes) {
    throw new ProtocolError('quota-exceeded', 'the vault would own more than its quota');
  }
  if (token !== undefined && added.bytes > 0) {
    const used = growToken(tx).get({ tokenId: token.tokenId, bytes: added.bytes });
    if (token.quotaBytes > 0 && used.bytes > token.quotaBytes) {
      throw new ProtocolError('token-quota-exceeded', 'the token would have stored more than its quota');
    }
  }
  insertedOwnerships(tx).run({ vaultNo, nowMs, blobNos: numbers });
  return added.count;
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
