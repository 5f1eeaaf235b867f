import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type CachedFile, PushCacheReader, PushCacheWriter } from '../../../src/client/push/push-cache.js';
import { utf8 } from '../../../src/protocol/bytes.js';
import { makeTempDir, removeTempDirs } from '../../helpers/programs.js';

afterAll(removeTempDirs);

const key = randomBytes(32);
const origin = { seq: 7, entryHash: randomBytes(32), root: { id: randomBytes(32), key: randomBytes(32) } };

function fileOf(at: number, chunkCount = 1): CachedFile {
  const chunks = Array.from({ length: chunkCount }, (_, chunk) => ({
    id: new Uint8Array(32).fill(at + chunk),
    key: new Uint8Array(32).fill(at + chunk + 1),
    rawLength: 1000 + at,
  }));
  return {
    signature: {
      sizeBytes: at,
      modifiedSeconds: -5 - at,
      modifiedNanoseconds: 999_999_999,
      changedSeconds: 1_700_000_000,
      changedNanoseconds: 123_456_789,
      inode: 0xffff_ffff_ffff_ffffn - BigInt(at),
      device: 42n,
    },
    chunks,
  };
}

const pathOf = (at: number) => `folder/${String(at).padStart(6, '0')}`;

function write(count: number, chunkCount = 1): string {
  const path = join(makeTempDir(), 'cache', 'push');
  const writer = new PushCacheWriter(path, key);
  for (let at = 0; at < count; at += 1) writer.add(utf8(pathOf(at)), fileOf(at, chunkCount));
  writer.commit(origin);
  return path;
}

describe('the push cache', () => {
  test('finds what was written, in order, over many blocks, and its origin', () => {
    const reader = PushCacheReader.open(write(20_000), key);
    expect(reader?.origin).toEqual({
      seq: 7,
      entryHash: new Uint8Array(origin.entryHash),
      root: { id: new Uint8Array(origin.root.id), key: new Uint8Array(origin.root.key) },
    });
    for (let at = 0; at < 20_000; at += 3) {
      const found = reader?.find(pathOf(at));
      expect(found?.signature).toEqual(fileOf(at).signature);
      expect(found?.chunks.length).toBe(1);
    }
    expect(reader?.find('z')).toBeUndefined();
    reader?.close();
  });

  test('a path that is not there is not found, and what follows still is', () => {
    const reader = PushCacheReader.open(write(10), key);
    expect(reader?.find('folder/000003-not')).toBeUndefined();
    expect(reader?.find(pathOf(4))).toBeDefined();
    expect(reader?.find(pathOf(4))).toBeUndefined();
    reader?.close();
  });

  test('keeps the chunks of long files', () => {
    const reader = PushCacheReader.open(write(2, 30_000), key);
    expect(reader?.find(pathOf(1))?.chunks.at(-1)?.rawLength).toBe(1001);
    reader?.close();
  });

  test('another key opens nothing', () => {
    expect(PushCacheReader.open(write(3), randomBytes(32))).toBeUndefined();
  });

  test('names no file in the clear', () => {
    expect(readFileSync(write(10)).includes('folder/')).toBe(false);
  });

  test('damage anywhere loses entries but never gives a wrong one', () => {
    const path = write(5000);
    const good = readFileSync(path);
    for (let step = 1; step < 40; step += 1) {
      const bad = Buffer.from(good);
      const at = Math.floor((good.length * step) / 40);
      bad.writeUInt8(bad.readUInt8(at) ^ 0x10, at);
      writeFileSync(path, step % 2 === 0 ? bad : good.subarray(0, at));
      const reader = PushCacheReader.open(path, key);
      for (let file = 0; file < 5000; file += 1) {
        const found = reader?.find(pathOf(file));
        if (found !== undefined) expect(found.signature).toEqual(fileOf(file).signature);
      }
      reader?.close();
    }
  });

  test('discarded, it leaves the old one alone and no temp file', () => {
    const path = write(3);
    const before = readFileSync(path);
    const writer = new PushCacheWriter(path, key);
    writer.add(utf8(pathOf(1)), fileOf(1));
    writer.discard();
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(dirname(path))).toEqual(['push']);
    expect(existsSync(path)).toBe(true);
  });
});
