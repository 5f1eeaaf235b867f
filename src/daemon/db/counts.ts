// What the tables hold, for the operator (docs/operating.md, "Watching").
import { sql } from 'drizzle-orm';
import type { Queries } from './connection.js';

export interface RowCounts {
  readonly accounts: number;
  readonly sessions: number;
  readonly tokens: number;
  readonly logEntries: number;
  readonly blobs: number;
  readonly blobBytes: number;
  readonly packs: number;
  /** Logical bytes: a blob of two owners counts twice. */
  readonly ownedBytes: number;
}

export function countRows(db: Queries): RowCounts {
  return db.get<RowCounts>(sql`select
    (select count(*) from accounts) as "accounts",
    (select count(*) from sessions) as "sessions",
    (select count(*) from tokens where revoked = 0) as "tokens",
    (select count(*) from log_entries) as "logEntries",
    (select count(*) from blobs) as "blobs",
    (select coalesce(sum(length_bytes), 0) from blobs) as "blobBytes",
    (select count(*) from packs) as "packs",
    (select coalesce(sum(owned_bytes), 0) from vaults) as "ownedBytes"`);
}
