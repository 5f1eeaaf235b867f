// What crashes leave behind: unfinished temp files and packs that no row knows (docs/storage.md, "After a crash").
// Several processes may share a data directory, so only old files are ever touched.
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { packFolder, packPath, packsFolder, tempFolder } from './pack-format.js';

/** An upload takes minutes; a file untouched for this long belongs to nobody. */
export const leftoverAgeMs = 24 * 60 * 60 * 1000;

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

async function isOlderThan(path: string, beforeMs: number): Promise<boolean> {
  try {
    return (await stat(path)).mtimeMs < beforeMs;
  } catch (error) {
    // Another process has just removed or renamed it.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

/** Removes temp files last written before `nowMs` less a day; returns how many. */
export async function removeOldTempFiles(dataDir: string, nowMs: number): Promise<number> {
  let removed = 0;
  for (const name of await namesIn(tempFolder(dataDir))) {
    const path = join(tempFolder(dataDir), name);
    if (!name.endsWith('.tmp') || !(await isOlderThan(path, nowMs - leftoverAgeMs))) continue;
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}

/** Ids of all packs on disk, young ones included. */
export async function listPacks(dataDir: string): Promise<string[]> {
  const packIds: string[] = [];
  for (const folder of await namesIn(packsFolder(dataDir))) {
    if (!/^[0-9a-f]{2}$/.test(folder)) continue;
    for (const name of await namesIn(packFolder(dataDir, folder))) {
      const packId = /^([0-9a-f]{32})\.pack$/.exec(name)?.[1];
      if (packId?.startsWith(folder) === true) packIds.push(packId);
    }
  }
  return packIds;
}

/** The ids among `packIds` whose file was last written before `nowMs` less a day. */
export async function findOldPacks(dataDir: string, packIds: readonly string[], nowMs: number): Promise<string[]> {
  const old: string[] = [];
  for (const packId of packIds) {
    if (await isOlderThan(packPath(dataDir, packId), nowMs - leftoverAgeMs)) old.push(packId);
  }
  return old;
}

export async function removePack(dataDir: string, packId: string): Promise<void> {
  await rm(packPath(dataDir, packId), { force: true });
}
