import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { PushCacheReader, PushCacheWriter } from '../../../src/client/push/push-cache.js';
import { type RowEntry, readRow } from '../../../src/client/push/walked-rows.js';
import type { ChunkRef } from '../../../src/client/seal.js';
import { utf8 } from '../../../src/protocol/bytes.js';
import { makeTempDir, removeTempDirs } from '../../helpers/programs.js';
import { statOf } from '../../helpers/source-stats.js';

afterAll(removeTempDirs);

const key = randomBytes(32);
const bytes32 = () => new Uint8Array(randomBytes(32));
const origin = { seq: 7, entryHash: bytes32(), root: { id: bytes32(), key: bytes32() }, ownersHash: bytes32() };
const leafEntries = 1000;

function entryOf(at: number, links = 1): RowEntry {
  return {
    type: 'file',
    path: `folder/${String(at).padStart(6, '0')}`,
    stat: statOf({
      sizeBytes: at,
      modifiedSeconds: -5 - at,
      modifiedNanoseconds: 999_999_999,
      changedSeconds: 1_700_000_000,
      changedNanoseconds: 123_456_789,
      inode: 0xffff_ffff_ffff_ffffn - BigInt(at),
      links,
    }),
  };
}

function chunksOf(at: number, count = 1): ChunkRef[] {
  return Array.from({ length: count }, (_, chunk) => ({
    id: new Uint8Array(32).fill(at + chunk),
    key: new Uint8Array(32).fill(at + chunk + 1),
    rawLength: 1000 + at,
  }));
}

const leafOf = (entries: number) => ({
  ref: { id: new Uint8Array(32).fill(1), key: new Uint8Array(32).fill(2) },
  firstPath: new Uint8Array(),
  entries,
  bytes: 2 ** 40 + 1,
});

interface Written {
  readonly path: string;
  readonly writer: PushCacheWriter;
}

function begin(): Written {
  const path = join(makeTempDir(), 'cache', 'push');
  return { path, writer: new PushCacheWriter(path, key) };
}

function write(count: number, chunkCount = 1): string {
  const { path, writer } = begin();
  for (let at = 0; at < count; at += 1) {
    writer.add(entryOf(at), chunksOf(at, chunkCount));
    if (at % leafEntries === leafEntries - 1) writer.endLeaf(leafOf(leafEntries), true);
  }
  writer.endLeaf(leafOf(count % leafEntries), false);
  writer.commit(origin);
  return path;
}

interface Read {
  readonly entry: RowEntry;
  readonly chunks: readonly ChunkRef[];
  /** Whether its leaf stands as a whole. */
  readonly isWhole: boolean;
}

function readAll(path: string): Read[] {
  const reader = PushCacheReader.open(path, key);
  const read: Read[] = [];
  for (let leaf = reader?.leaf; leaf !== undefined; leaf = reader?.leaf) {
    const { at = 0 } = reader ?? {};
    read.push({ entry: readRow(leaf.memory, at), chunks: leaf.chunksAt(at), isWhole: leaf.isWhole });
    reader?.advance();
  }
  reader?.close();
  return read;
}

const plain = (chunks: readonly ChunkRef[]) =>
  chunks.map((chunk) => ({ ...chunk, id: new Uint8Array(chunk.id), key: new Uint8Array(chunk.key) }));

describe('the push cache', () => {
  test('gives back what was written, in order, over many leaves, and its origin', () => {
    const path = write(4500);
    const read = readAll(path);
    expect(read.map(({ entry }) => entry)).toEqual(Array.from({ length: 4500 }, (_, at) => entryOf(at)));
    expect(read.map(({ chunks }) => plain(chunks))).toEqual(Array.from({ length: 4500 }, (_, at) => chunksOf(at)));
    const reader = PushCacheReader.open(path, key);
    expect(reader?.origin).toEqual(origin);
    expect(reader?.leaf?.child).toEqual({ ...leafOf(leafEntries), firstPath: utf8(entryOf(0).path) });
    reader?.close();
  });

  test('a leaf stands as a whole where it ends by itself and every entry of it has a record', () => {
    const { path, writer } = begin();
    const add = (...ats: number[]) => {
      for (const at of ats) writer.add(entryOf(at), chunksOf(at));
    };
    add(0, 1);
    writer.endLeaf(leafOf(2), true);
    add(2, 3);
    writer.endLeaf(leafOf(2), false);
    add(4);
    writer.skip();
    writer.endLeaf(leafOf(2), true);
    writer.add(entryOf(6, 2), chunksOf(6));
    writer.endLeaf(leafOf(1), true);
    add(7);
    writer.endLeaf(leafOf(1), true);
    writer.commit(origin);
    expect(readAll(path).map(({ entry, isWhole }) => [entry.stat.sizeBytes, isWhole])).toEqual([
      [0, true],
      [1, true],
      [2, false],
      [3, false],
      [4, false],
      [6, false],
      [7, true],
    ]);
  });

  test('an entry that is added before the leaf ends without it begins the next one', () => {
    const { path, writer } = begin();
    const addAt = (at: number, links = 1) => {
      writer.add(entryOf(at, links), chunksOf(at));
    };
    addAt(0);
    addAt(1, 2);
    writer.endLeaf(leafOf(1), true);
    writer.endLeaf(leafOf(1), true);
    addAt(2);
    writer.skip();
    writer.endLeaf(leafOf(1), true);
    addAt(3);
    writer.endLeaf(leafOf(2), true);
    addAt(4);
    addAt(5);
    writer.endLeaf(leafOf(1), true);
    writer.endLeaf(leafOf(1), true);
    writer.commit(origin);
    const read = readAll(path);
    expect(read.map(({ entry, isWhole }) => [entry.stat.sizeBytes, isWhole])).toEqual([
      [0, true],
      [1, false],
      [2, true],
      [3, false],
      [4, true],
      [5, true],
    ]);
    expect(read.map(({ chunks }) => plain(chunks))).toEqual([0, 1, 2, 3, 4, 5].map((at) => chunksOf(at)));
  });

  test('keeps the chunks of long files, in parts of a leaf where they are many', () => {
    const read = readAll(write(3, 30_000));
    expect(read.map(({ entry }) => entry)).toEqual([0, 1, 2].map((at) => entryOf(at)));
    const { chunks = [] } = read[2] ?? {};
    expect(chunks.length).toBe(30_000);
    expect(plain(chunks.slice(-2))).toEqual(chunksOf(2, 30_000).slice(-2));
    expect(read.every(({ isWhole }) => !isWhole)).toBe(true);
  });

  test('a leaf in parts does not stand as a whole, the next one does', () => {
    const { path, writer } = begin();
    for (let at = 0; at < 3; at += 1) writer.add(entryOf(at), chunksOf(at, 20_000));
    writer.endLeaf(leafOf(3), true);
    writer.add(entryOf(3), chunksOf(3));
    writer.endLeaf(leafOf(1), true);
    writer.commit(origin);
    expect(readAll(path).map(({ isWhole }) => isWhole)).toEqual([false, false, false, true]);
  });

  test('takes a leaf from the cache before as it is', () => {
    const reader = PushCacheReader.open(write(2 * leafEntries), key);
    const { path, writer } = begin();
    writer.add(entryOf(0), chunksOf(7));
    writer.endLeaf(leafOf(1), true);
    if (reader?.leaf !== undefined) writer.addLeaf(reader.leaf);
    writer.commit(origin);
    const read = readAll(path);
    expect(read.length).toBe(1 + leafEntries);
    expect(read.at(-1)?.entry).toEqual(entryOf(leafEntries - 1));
    expect(read.at(-1)?.isWhole).toBe(true);
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
      const read = readAll(path);
      expect(read.length).toBeLessThan(5000);
      expect(read.map(({ entry }) => entry)).toEqual(read.map((_, index) => entryOf(index)));
    }
  });

  test('discarded, it leaves the old one alone and no temp file', () => {
    const path = write(3);
    const before = readFileSync(path);
    const writer = new PushCacheWriter(path, key);
    writer.add(entryOf(1), chunksOf(1));
    writer.discard();
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(dirname(path))).toEqual(['push']);
    expect(existsSync(path)).toBe(true);
  });
});
