// One row for each pack file (docs/storage.md, "Rows").
import assert from 'node:assert/strict';
import { eq, sql } from 'drizzle-orm';
import type { Queries } from './connection.js';
import { preparedOnce } from './prepared.js';
import { packs } from './schema.js';

const insertedPack = preparedOnce((db) =>
  db
    .insert(packs)
    .values({
      packId: sql.placeholder('packId'),
      sizeBytes: sql.placeholder('sizeBytes'),
      createdAt: sql.placeholder('nowMs'),
    })
    .returning({ packNo: packs.packNo })
    .prepare(),
);

/** Returns the number of the new row. */
export function insertPack(tx: Queries, packId: string, sizeBytes: number, nowMs: number): number {
  return insertedPack(tx).get({ packId, sizeBytes, nowMs }).packNo;
}

const deletedPack = preparedOnce((db) =>
  db
    .delete(packs)
    .where(eq(packs.packNo, sql.placeholder('packNo')))
    .prepare(),
);

export function deletePack(tx: Queries, packNo: number): void {
  deletedPack(tx).run({ packNo });
}

/** Those of `packIds` that have no row. */
export function findUnknownPacks(db: Queries, packIds: readonly string[]): string[] {
  const rows = db.all<{ packId: string }>(sql`
    select j.value as "packId" from json_each(${JSON.stringify(packIds)}) j
    where not exists (select 1 from packs p where p.pack_id = j.value)`);
  return rows.map(({ packId }) => packId);
}

export function countPacks(db: Queries): number {
  const row = db.get<{ count: number } | undefined>(sql`select count(*) as "count" from packs`);
  assert(row !== undefined);
  return row.count;
}
