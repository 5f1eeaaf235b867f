// Packs on disk (docs/storage.md, "Packs", "Write order", "After a crash").
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findOldPacks, leftoverAgeMs, listPacks, removeOldTempFiles } from '../../../src/daemon/packs/leftovers.js';
import { createPackId, encodePackHeader, packPath } from '../../../src/daemon/packs/pack-format.js';
import { PackReader } from '../../../src/daemon/packs/pack-reader.js';
import { PackWriter } from '../../../src/daemon/packs/pack-writer.js';
import { blobStreamHeaderBytes } from '../../../src/protocol/blob-stream.js';
import { concatBytes } from '../../../src/protocol/bytes.js';
import { leafBlob, streamOf } from '../../helpers/blobs.js';

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'jaycloud-packs-'));
});

afterEach(() => rm(dataDir, { recursive: true }));

async function writePack(blobs: readonly { id: Uint8Array; blob: Uint8Array }[]): Promise<[string, number[]]> {
  const writer = await PackWriter.create(dataDir);
  const offsets: number[] = [];
  for (const { id, blob } of blobs) {
    offsets.push(writer.sizeBytes + blobStreamHeaderBytes);
    writer.append(streamOf([{ id, blob }]));
    await writer.backlog();
  }
  await writer.finish();
  return [writer.packId, offsets];
}

describe('PackWriter', () => {
  test('writes the header and then records, byte for byte', async () => {
    const blobs = [leafBlob(), leafBlob(500_000), leafBlob(4_000_000), leafBlob()];
    const [packId] = await writePack(blobs);
    const bytes = await readFile(packPath(dataDir, packId));
    expect(bytes.subarray(0, 8).toString('latin1')).toBe('JCPACK\u0001\u0000');
    expect(bytes.equals(concatBytes(encodePackHeader(), streamOf(blobs)))).toBe(true);
    expect(packPath(dataDir, packId)).toBe(join(dataDir, 'packs', packId.slice(0, 2), `${packId}.pack`));
    expect((await stat(packPath(dataDir, packId))).mode & 0o777).toBe(0o600);
    expect(await readdir(join(dataDir, 'tmp'))).toEqual([]);
  });

  test('is invisible until it is finished, and gone when it is aborted, before or after', async () => {
    const writer = await PackWriter.create(dataDir);
    writer.append(streamOf([leafBlob(1_000_000)]));
    expect(await listPacks(dataDir)).toEqual([]);
    await writer.abort();
    expect(await readdir(join(dataDir, 'tmp'))).toEqual([]);
    const finished = await PackWriter.create(dataDir);
    await finished.finish();
    expect(await listPacks(dataDir)).toEqual([finished.packId]);
    await finished.abort();
    expect(await listPacks(dataDir)).toEqual([]);
  });

  test('asks its caller to wait once the disk falls behind', async () => {
    const writer = await PackWriter.create(dataDir);
    writer.append(streamOf([leafBlob(4_000_000)]));
    writer.append(streamOf([leafBlob(4_000_000)]));
    expect(writer.backlog()).toBeInstanceOf(Promise);
    await writer.backlog();
    expect(writer.backlog()).toBeUndefined();
    await writer.abort();
  });
});

describe('PackReader', () => {
  test('gives back any range of any pack, in any order', async () => {
    const [packId] = await writePack([leafBlob(20_000), leafBlob()]);
    const bytes = await readFile(packPath(dataDir, packId));
    const reader = new PackReader(dataDir);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(30_000), async (offset, length) => {
        const got = await reader.readRange(packId, offset, length);
        if (offset + length > bytes.length) expect(got).toBeUndefined();
        else expect(bytes.subarray(offset, offset + length).equals(got ?? new Uint8Array(1))).toBe(true);
        expect(reader.readSlices(packId, [{ offset, length }])).toEqual(got);
      }),
    );
    reader.close();
  });

  test('reads more packs at once than it keeps open', async () => {
    const packs: [string, Uint8Array, number][] = [];
    for (let i = 0; i < 70; i += 1) {
      const blob = leafBlob();
      const [packId, [offset = 0]] = await writePack([blob]);
      packs.push([packId, blob.blob, offset]);
    }
    const reader = new PackReader(dataDir);
    for (let round = 0; round < 2; round += 1) {
      const got = await Promise.all(
        packs.map(([packId, blob, offset]) => reader.readRange(packId, offset, blob.length)),
      );
      expect(got.every((bytes, i) => Buffer.from(bytes ?? []).equals(packs[i]?.[1] ?? Buffer.alloc(0)))).toBe(true);
    }
    // Only Linux shows a process its own descriptors.
    if (process.platform === 'linux') {
      const targets = await Promise.all(
        (await readdir('/proc/self/fd')).map((fd) => readlink(join('/proc/self/fd', fd)).catch(() => '')),
      );
      expect(targets.filter((target) => target.endsWith('.pack')).length).toBeLessThanOrEqual(64);
    }
    reader.close();
  });

  test('a pack that is gone, no pack, a folder or too short reads as lost', async () => {
    const reader = new PackReader(dataDir);
    expect(await reader.readRange(createPackId(), 0, 1)).toBeUndefined();
    expect(reader.readSlices(createPackId(), [{ offset: 0, length: 1 }])).toBeUndefined();
    const [short, folder, foreign] = [createPackId(), createPackId(), createPackId()];
    for (const packId of [short, folder, foreign])
      await mkdir(join(dataDir, 'packs', packId.slice(0, 2)), { recursive: true });
    await writeFile(packPath(dataDir, short), 'JCPACK');
    await mkdir(packPath(dataDir, folder));
    await writeFile(packPath(dataDir, foreign), Buffer.from('JCPACK\u0002\u0000 a later version'));
    for (const packId of [short, folder, foreign]) {
      expect(await reader.readRange(packId, 8, 1)).toBeUndefined();
      expect(reader.readSlices(packId, [{ offset: 8, length: 1 }])).toBeUndefined();
    }
    reader.close();
  });
});

describe('leftovers', () => {
  test('old temp files are removed, young ones and foreign names stay', async () => {
    const nowMs = Date.now();
    const folder = join(dataDir, 'tmp');
    expect(await removeOldTempFiles(dataDir, nowMs)).toBe(0);
    await mkdir(folder);
    const old = (nowMs - leftoverAgeMs) / 1000 - 1;
    for (const name of ['old.tmp', 'young.tmp', 'old.txt']) await writeFile(join(folder, name), '');
    for (const name of ['old.tmp', 'old.txt']) await utimes(join(folder, name), old, old);
    expect(await removeOldTempFiles(dataDir, nowMs)).toBe(1);
    expect((await readdir(folder)).sort()).toEqual(['old.txt', 'young.tmp']);
  });

  test('packs are listed by name and told old by their last write', async () => {
    const [one] = await writePack([leafBlob()]);
    const [two] = await writePack([leafBlob()]);
    await writeFile(join(dataDir, 'packs', 'README'), 'not a pack');
    const nowMs = Date.now();
    const old = (nowMs - leftoverAgeMs) / 1000 - 1;
    await utimes(packPath(dataDir, two), old, old);
    expect((await listPacks(dataDir)).sort()).toEqual([one, two].sort());
    expect(await findOldPacks(dataDir, [one, two, createPackId()], nowMs)).toEqual([two]);
  });
});
