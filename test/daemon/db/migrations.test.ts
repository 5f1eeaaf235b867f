// A database of an older version becomes one of this version, with its rows (docs/operating.md, "Upgrade").
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Sqlite from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { afterAll, expect, test } from 'vitest';
import { findCredential } from '../../../src/daemon/db/accounts.js';
import { openDatabase } from '../../../src/daemon/db/connection.js';
import { sessions } from '../../../src/daemon/db/schema.js';
import { standardKeyStretching } from '../../../src/protocol/key-stretching.js';
import { makeTempDir, removeTempDirs } from '../../helpers/programs.js';

afterAll(removeTempDirs);

interface Journal {
  readonly entries: readonly { readonly idx: number; readonly tag: string }[];
}

/** A new database as the version with the first `count` migrations made it. */
function createOldDatabase(path: string, count: number): Sqlite.Database {
  const all = fileURLToPath(new URL('../../../drizzle', import.meta.url));
  const folder = makeTempDir();
  mkdirSync(join(folder, 'meta'));
  const journal = JSON.parse(readFileSync(join(all, 'meta', '_journal.json'), 'utf8')) as Journal;
  const entries = journal.entries.slice(0, count);
  writeFileSync(join(folder, 'meta', '_journal.json'), JSON.stringify({ ...journal, entries }));
  for (const { tag } of entries) copyFileSync(join(all, `${tag}.sql`), join(folder, `${tag}.sql`));
  const client = new Sqlite(path);
  migrate(drizzle({ client }), { migrationsFolder: folder });
  return client;
}

test('passwords that were stretched before the parameters were kept have the standard ones, sessions their first use', async () => {
  const path = join(makeTempDir(), 'jaycloud.db');
  const old = createOldDatabase(path, 2);
  old.exec(`insert into accounts values (1, 'aa', 'ann', x'00', x'00', 5);
    insert into credentials values (1, 'record', 5);
    insert into sessions values ('s', 1, x'00', 'label', 7, 9)`);
  old.close();
  const database = await openDatabase(path);
  expect(findCredential(database.orm, 'ann')).toEqual({
    registrationRecord: 'record',
    keyStretching: standardKeyStretching,
  });
  expect(database.orm.select().from(sessions).all()).toMatchObject([{ createdAt: 7, lastUsedAt: 7, expiresAt: 9 }]);
  database.close();
});
