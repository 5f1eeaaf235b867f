// Opens what a daemon works with: folder, keys, database, packs. The program and the embedded default use the same.
import { existsSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { type Authenticate, createAuthenticator } from './authenticate.js';
import { type Authorize, createAuthorizer } from './authorize.js';
import { type Database, openDatabase } from './db/connection.js';
import { countPacks, findUnknownPacks } from './db/packs.js';
import { createLogTurns, type LogTurns } from './log-turns.js';
import { sessionTtlDefaultMs } from './new-session.js';
import { findOldPacks, listPacks, removeOldTempFiles, removePack } from './packs/leftovers.js';
import { PackReader } from './packs/pack-reader.js';
import { deriveServerKey, openServerKeys, type ServerKeys } from './server-keys.js';
import { readVersion } from './version.js';

export interface ServicesOptions {
  readonly dataDir: string;
  /** Bytes that one vault may own; null for no quota. */
  readonly quotaBytes: number | null;
  /** How long a session lives after its last use; 90 days without it. */
  readonly sessionTtlMs?: number;
  readonly log: Logger;
  /** Of a daemon with a disk of its own: see `DatabaseOptions`. */
  readonly isDatabaseMapped?: boolean;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export interface Services {
  readonly dataDir: string;
  readonly quotaBytes: number | null;
  readonly sessionTtlMs: number;
  readonly log: Logger;
  readonly now: () => number;
  readonly version: string;
  readonly keys: ServerKeys;
  readonly possessionKey: Uint8Array;
  readonly database: Database;
  readonly packReader: PackReader;
  readonly authenticate: Authenticate;
  readonly authorize: Authorize;
  readonly logTurns: LogTurns;
  /** True when this call has made the data directory's keys: nobody can have an account yet. */
  readonly isNew: boolean;
  close(): Promise<void>;
}

/** A crash leaves one pack without a row. More of them mean that the database is not the one of these packs. */
const orphanPacksMax = 64;

/** With what is missing above it. Node's own `recursive` tries for ever where nothing can be made, as below /proc. */
async function makeDataDir(path: string): Promise<void> {
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) await makeDataDir(parent);
  try {
    await mkdir(path, 0o700);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && statSync(path).isDirectory()) return;
    throw error;
  }
}

/** Opens `dataDir`, making what is missing. Call `close` when no request is under way any more. */
export async function openServices(options: ServicesOptions): Promise<Services> {
  const { dataDir, quotaBytes, sessionTtlMs = sessionTtlDefaultMs, log, now = Date.now } = options;
  await makeDataDir(resolve(dataDir));
  const { keys, isNew } = await openServerKeys(dataDir);
  const database = await openDatabase(join(dataDir, 'jaycloud.db'), { isMapped: options.isDatabaseMapped === true });
  try {
    await removeLeftovers(dataDir, database, log, Date.now());
  } catch (error) {
    database.close();
    throw error;
  }
  const packReader = new PackReader(dataDir);
  const logTurns = createLogTurns();
  const authenticate = createAuthenticator(database, now, sessionTtlMs);
  return {
    dataDir,
    quotaBytes,
    sessionTtlMs,
    log,
    now,
    version: readVersion(),
    keys,
    possessionKey: deriveServerKey(keys, 'possession-nonce'),
    database,
    packReader,
    authenticate,
    logTurns,
    authorize: createAuthorizer(database, authenticate, now),
    isNew,
    close: () => {
      logTurns.close();
      packReader.close();
      database.close();
      return Promise.resolve();
    },
  };
}

/** What crashes left behind (docs/storage.md, "After a crash"). Ages are those of files, so the clock is the machine's. */
async function removeLeftovers(dataDir: string, database: Database, log: Logger, nowMs: number): Promise<void> {
  const tempFiles = await removeOldTempFiles(dataDir, nowMs);
  if (tempFiles > 0) log.info({ tempFiles }, 'removed unfinished packs');
  // Files first, rows second: a pack that becomes known in between is then known here too.
  const packIds = await listPacks(dataDir);
  const unknown = findUnknownPacks(database.orm, packIds);
  const orphans = await findOldPacks(dataDir, unknown, nowMs);
  if (orphans.length === 0) return;
  if (orphans.length > orphanPacksMax || countPacks(database.orm) === 0) {
    log.warn({ orphans: orphans.length }, 'packs without rows are kept: is this the right database?');
    return;
  }
  for (const packId of orphans) await removePack(dataDir, packId);
  log.info({ orphans: orphans.length }, 'removed packs that no row knows');
}
