// Opening a data directory (docs/storage.md, "Server keys", "After a crash").
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { leftoverAgeMs, listPacks } from '../../src/daemon/packs/leftovers.js';
import { packPath } from '../../src/daemon/packs/pack-format.js';
import { PackWriter } from '../../src/daemon/packs/pack-writer.js';
import { deriveServerKey, openServerKeys } from '../../src/daemon/server-keys.js';
import { openServices, type Services } from '../../src/daemon/services.js';
import { leafBlob, streamOf } from '../helpers/blobs.js';
import { openTestDaemon, put, query } from '../helpers/daemon-fixture.js';

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'jaycloud-services-'));
});

afterEach(() => rm(dataDir, { recursive: true }));

function open(folder: string): Promise<Services> {
  return openServices({ dataDir: folder, quotaBytes: null, log: pino({ level: 'silent' }) });
}

async function writeOldPack(folder: string): Promise<string> {
  const writer = await PackWriter.create(folder);
  writer.append(streamOf([leafBlob()]));
  await writer.finish();
  const old = (Date.now() - leftoverAgeMs) / 1000 - 60;
  await utimes(packPath(folder, writer.packId), old, old);
  return writer.packId;
}

test('a file where the data directory should be is an error, and stays as it is', async () => {
  const file = join(dataDir, 'file');
  await writeFile(file, 'content');
  await expect(open(file)).rejects.toThrow('EEXIST');
  expect((await stat(file)).size).toBe('content'.length);
});

describe('openServerKeys', () => {
  test('makes keys once, for the owner alone, and finds them again', async () => {
    const made = await openServerKeys(dataDir);
    const found = await openServerKeys(dataDir);
    expect([made.isNew, found.isNew]).toEqual([true, false]);
    expect(found.keys).toEqual(made.keys);
    expect((await stat(join(dataDir, 'server-keys.json'))).mode & 0o777).toBe(0o600);
    expect(await readdir(dataDir)).toEqual(['server-keys.json']);
  });

  test('openers that race end up with the same keys, and one of them made them', async () => {
    const opened = await Promise.all(Array.from({ length: 8 }, () => openServerKeys(dataDir)));
    expect(new Set(opened.map(({ keys }) => Buffer.from(keys.masterKey).toString('hex'))).size).toBe(1);
    expect(new Set(opened.map(({ keys }) => keys.opaqueServerSetup)).size).toBe(1);
    expect(opened.filter(({ isNew }) => isNew)).toHaveLength(1);
  });

  test('a damaged key file is an error and never replaced', async () => {
    for (const text of ['', '{}', '{"version":2,"masterKey":"","opaqueServerSetup":""}']) {
      await writeFile(join(dataDir, 'server-keys.json'), text);
      await expect(openServerKeys(dataDir)).rejects.toThrow();
      expect((await stat(join(dataDir, 'server-keys.json'))).size).toBe(text.length);
    }
  });

  test('keys of different purposes differ', async () => {
    const { keys } = await openServerKeys(dataDir);
    expect(deriveServerKey(keys, 'a')).toHaveLength(32);
    expect(deriveServerKey(keys, 'a')).not.toEqual(deriveServerKey(keys, 'b'));
    expect(deriveServerKey(keys, 'a')).not.toEqual(keys.masterKey);
  });
});

describe('openServices', () => {
  test('two openers of a new folder at once both work on it', async () => {
    const both = await Promise.all([open(join(dataDir, 'new')), open(join(dataDir, 'new'))]);
    expect(both.filter(({ isNew }) => isNew)).toHaveLength(1);
    for (const services of both) await services.close();
  });

  test('removes old packs without a row, and keeps young ones and known ones', async () => {
    const daemon = await openTestDaemon();
    const ann = daemon.addCaller('ann');
    const blob = leafBlob();
    await put(daemon.app, ann, [blob]);
    const [known = ''] = await listPacks(daemon.dataDir);
    const old = (Date.now() - leftoverAgeMs) / 1000 - 60;
    await utimes(packPath(daemon.dataDir, known), old, old);
    await writeOldPack(daemon.dataDir);
    const young = await PackWriter.create(daemon.dataDir);
    await young.finish();
    await (await open(daemon.dataDir)).close();
    expect((await listPacks(daemon.dataDir)).sort()).toEqual([known, young.packId].sort());
    expect((await query(daemon.app, ann, [blob])).states).toBe('o');
    await daemon.close();
  });

  test('an empty database beside packs removes none of them', async () => {
    const packId = await writeOldPack(dataDir);
    await (await open(dataDir)).close();
    expect(await listPacks(dataDir)).toEqual([packId]);
  });
});
