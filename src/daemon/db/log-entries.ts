// The vault log (docs/format.md, "Vault log"): rows are only ever added, and a deletion frees the root of its target.
import { and, asc, eq, gt, lte, sql } from 'drizzle-orm';
import type { Queries } from './connection.js';
import { preparedOnce } from './prepared.js';
import { logEntries } from './schema.js';

export interface StoredLogEntry {
  readonly seq: number;
  readonly entry: Uint8Array;
  readonly signature: Uint8Array;
  readonly body: Uint8Array;
  /** Null for what is no push and for snapshots that were deleted. */
  readonly rootBlobNo: number | null;
  /** Of a push; null for the rest. */
  readonly nameTag: Uint8Array | null;
  readonly receivedAt: number;
}

const entryAtSeq = preparedOnce((db) =>
  db
    .select()
    .from(logEntries)
    .where(and(eq(logEntries.vaultNo, sql.placeholder('vaultNo')), eq(logEntries.seq, sql.placeholder('seq'))))
    .prepare(),
);

export function findLogEntry(db: Queries, vaultNo: number, seq: number): StoredLogEntry | undefined {
  return entryAtSeq(db).get({ vaultNo, seq });
}

export function insertLogEntry(tx: Queries, vaultNo: number, row: StoredLogEntry): void {
  tx.insert(logEntries)
    .values({
      vaultNo,
      seq: row.seq,
      entry: Buffer.from(row.entry),
      signature: Buffer.from(row.signature),
      body: Buffer.from(row.body),
      rootBlobNo: row.rootBlobNo,
      nameTag: row.nameTag === null ? null : Buffer.from(row.nameTag),
      receivedAt: row.receivedAt,
    })
    .run();
}

/** Pushes of a name up to `seq`, deleted ones included: the version of the push at that place. */
export function countPushes(db: Queries, vaultNo: number, nameTag: Uint8Array, seq: number): number {
  const row = db.get<{ count: number }>(sql`
    select count(*) as "count" from log_entries
    where vault_no = ${vaultNo} and name_tag = ${Buffer.from(nameTag)} and seq <= ${seq}`);
  return row.count;
}

/** A deleted snapshot keeps its entry, because the chain needs it, and no longer holds its blobs. */
export function freeRoot(tx: Queries, vaultNo: number, seq: number): void {
  tx.update(logEntries)
    .set({ rootBlobNo: null })
    .where(and(eq(logEntries.vaultNo, vaultNo), eq(logEntries.seq, seq)))
    .run();
}

/**
 * Entries after `afterSeq` up to `headSeq` in order: at most `entriesMax`, and no more once their bytes pass `bytesMax`;
 * always at least one if there is one.
 */
export function readLogEntries(
  db: Queries,
  vaultNo: number,
  afterSeq: number,
  headSeq: number,
  entriesMax: number,
  bytesMax: number,
): StoredLogEntry[] {
  const last = db.get<{ seq: number | null } | undefined>(sql`
    select max(seq) as "seq" from (
      select seq, sum(length(entry) + length(signature) + length(body)) over (order by seq) as total,
        row_number() over (order by seq) as position
      from (select * from log_entries where vault_no = ${vaultNo} and seq > ${afterSeq} and seq <= ${headSeq}
        order by seq limit ${entriesMax}))
    where total <= ${bytesMax} or position = 1`);
  if (last?.seq == null) return [];
  return db
    .select()
    .from(logEntries)
    .where(and(eq(logEntries.vaultNo, vaultNo), gt(logEntries.seq, afterSeq), lte(logEntries.seq, last.seq)))
    .orderBy(asc(logEntries.seq))
    .all();
}
