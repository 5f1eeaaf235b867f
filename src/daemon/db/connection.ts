// Opens the database: pragmas, migrations, one file (docs/storage.md, "Rows"). The driver is loaded here and nowhere else,
// and only when a database is opened: a client of a remote daemon works without it.
import { fileURLToPath } from 'node:url';
import type { Database as SqliteConnection } from 'better-sqlite3';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import * as schema from './schema.js';

export type Orm = BetterSQLite3Database<typeof schema>;
/** What both the connection and an open transaction offer. */
export type Queries = Pick<Orm, 'all' | 'get' | 'run' | 'select' | 'insert' | 'update' | 'delete'>;

export interface Database {
  readonly orm: Orm;
  /**
   * Runs `work` in one immediate transaction: it commits when `work` returns and leaves no trace when it throws. Within
   * another one that holds for its part of that.
   */
  transaction<T>(work: (tx: Queries) => T): T;
  isInTransaction(): boolean;
  close(): void;
}

/** Another process may be writing or migrating; wait this long before giving up. */
const busyTimeoutMs = 15_000;
const migrationTries = 5;
/** The most that SQLite can map. What is beyond it is read. */
const mappedBytesMax = 0x7fff_0000;

const migrationsFolder = fileURLToPath(new URL('../../../drizzle', import.meta.url));

/** The SQLite driver, an optional package, cannot be used. */
export class DriverMissingError extends Error {
  override readonly name = 'DriverMissingError';

  constructor(options: ErrorOptions) {
    super('the package better-sqlite3 is not installed or not built for this Node', options);
  }
}

/** What helps then: npm drops an optional package that it cannot build, and says nothing of it. */
export const driverMissingHint = "install JayCloud again with '--foreground-scripts' to see why it cannot be built";

function isDriverMissing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const codes: readonly unknown[] = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_DLOPEN_FAILED'];
  return (
    ('code' in error && codes.includes(error.code)) || error.message.includes('Could not locate the bindings file')
  );
}

async function openDriver(path: string): Promise<SqliteConnection> {
  try {
    const { default: Sqlite } = await import('better-sqlite3');
    return new Sqlite(path, { timeout: busyTimeoutMs });
  } catch (error) {
    throw isDriverMissing(error) ? new DriverMissingError({ cause: error }) : error;
  }
}

export interface DatabaseOptions {
  /**
   * Millions of ids do not fit into any cache of SQLite's own, and half of what looking one up costs is copying its page out
   * of the kernel's cache. Mapped for reading alone, it is read in place. But a disk that cannot read a mapped page ends the
   * process, where it would fail a read: not for a database on somebody's network drive.
   */
  readonly isMapped?: boolean;
}

/** Opens `path` (a file, or `:memory:` for tests) and brings it to the newest schema. Throws DriverMissingError. */
export async function openDatabase(path: string, { isMapped = false }: DatabaseOptions = {}): Promise<Database> {
  const [{ drizzle }, { migrate }, client] = await Promise.all([
    import('drizzle-orm/better-sqlite3'),
    import('drizzle-orm/better-sqlite3/migrator'),
    openDriver(path),
  ]);
  client.pragma('journal_mode = WAL');
  // FULL: a commit that a client was told about survives a power cut.
  client.pragma('synchronous = FULL');
  client.pragma('foreign_keys = ON');
  client.pragma('cache_size = -65536');
  client.pragma('temp_store = MEMORY');
  // Elsewhere the mapping of a file has pitfalls of its own.
  if (isMapped && process.platform === 'linux') client.pragma(`mmap_size = ${String(mappedBytesMax)}`);
  const orm = drizzle({ client, schema });
  for (let attempt = 1; ; attempt += 1) {
    try {
      migrate(orm, { migrationsFolder });
      break;
    } catch (error) {
      // Two processes that open a new vault at once both migrate; the loser finds the work done when it looks again.
      if (attempt === migrationTries) {
        client.close();
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 200 * attempt));
    }
  }
  const inTransaction = client.transaction((work: () => unknown) => work());
  return {
    orm,
    // The driver's own transaction: `work` gets the connection itself, whose statements are prepared once, where drizzle's
    // would be another object each time.
    transaction: <T>(work: (tx: Queries) => T) => inTransaction.immediate(() => work(orm)) as T,
    isInTransaction: () => client.inTransaction,
    close: () => {
      client.close();
    },
  };
}
