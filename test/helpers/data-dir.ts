// A daemon's data directory from outside (docs/storage.md): where each blob lies, and how to spoil one.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';

export interface StoredBlob {
  readonly id: Uint8Array;
  readonly packPath: string;
  readonly offset: number;
  readonly length: number;
  readonly isNode: boolean;
}

/** Runs `work` on the daemon's database, beside the daemon if it runs. */
export function withDatabase<T>(dataDir: string, work: (database: Sqlite.Database) => T): T {
  const database = new Sqlite(join(dataDir, 'jaycloud.db'), { timeout: 10_000 });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

interface Row {
  readonly id: Buffer;
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
}

/** All blobs in the order they were stored in, or those that the vault of `account` owns. */
export function readBlobs(dataDir: string, account?: string): StoredBlob[] {
  const owned = `where b.blob_no in (select blob_no from ownerships o join members m on m.vault_no = o.vault_no
    join accounts a on a.account_no = m.account_no where a.name = ?)`;
  const rows = withDatabase(
    dataDir,
    (database) =>
      database
        .prepare(
          `select b.blob_id as id, p.pack_id as pack, b.offset_bytes as offset, b.length_bytes as length
           from blobs b join packs p on p.pack_no = b.pack_no ${account === undefined ? '' : owned} order by b.blob_no`,
        )
        .all(...(account === undefined ? [] : [account])) as Row[],
  );
  return rows.map(({ id, pack, offset, length }) => {
    const packPath = join(dataDir, 'packs', pack.slice(0, 2), `${pack}.pack`);
    return { id: new Uint8Array(id), packPath, offset, length, isNode: readAt(packPath, offset + 3, 1)[0] === 1 };
  });
}

export function readAt(path: string, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const file = openSync(path, 'r');
  readSync(file, bytes, 0, length, offset);
  closeSync(file);
  return bytes;
}

/** Flips one bit in place; the same call again puts it back. */
export function flipBit(path: string, offset: number, bit = 0): void {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  if (readSync(file, byte, 0, 1, offset) !== 1) throw new Error('no byte there');
  byte[0] = (byte[0] ?? 0) ^ (1 << bit);
  writeSync(file, byte, 0, 1, offset);
  closeSync(file);
}
