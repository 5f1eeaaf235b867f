// What a push needs of its vault: the log, as far as it may be read, where private content goes, and the cache of the last
// push of the same sources.
import { join } from 'node:path';
import { sha256 } from '../../protocol/blob-id.js';
import { concatBytes, fromBytesKey, toHex, utf8 } from '../../protocol/bytes.js';
import type { WritableLog } from '../append-log.js';
import { BlindLog } from '../blind-log.js';
import { ClientError } from '../errors.js';
import type { DomainKeys } from '../key-hierarchy.js';
import type { Vault } from '../vault.js';
import { VaultLog } from '../vault-log.js';
import { PushCacheReader } from './push-cache.js';
import type { PushOptions } from './push-options.js';

/** A token that may not read the log only knows where it ends. */
export function openPushLog(vault: Vault): Promise<WritableLog> {
  return vault.hpkeSeeds.length > 0 ? VaultLog.read(vault) : BlindLog.read(vault);
}

/** Throws ClientError `forbidden` for a token that may not push. */
export function pushDomainOf({ domain }: Vault): DomainKeys {
  if (domain !== undefined) return domain;
  throw new ClientError('forbidden', 'this token may not push', 'make one with the scope push');
}

export function pushCachePath(vault: Vault, { name, dedup, privatePatterns, found }: PushOptions): string {
  const key = concatBytes(
    ...[name, dedup, ...privatePatterns].map((text) => utf8(`${text}\0`)),
    ...found.sources.map(({ path }) => fromBytesKey(`${path}\0`)),
  );
  return join(vault.cacheDir, `push-${toHex(sha256(key).subarray(0, 16))}`);
}

/** Undefined where there is none, or where the snapshot that it speaks for is gone. */
export function openPushCache(log: WritableLog, path: string): PushCacheReader | undefined {
  const cache = PushCacheReader.open(path, log.vault.cacheKey);
  if (cache === undefined) return undefined;
  const { seq, entryHash } = cache.origin;
  if (log.vouchesFor(seq, entryHash)) return cache;
  cache.close();
  return undefined;
}
