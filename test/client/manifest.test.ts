// Manifests (docs/format.md, "Manifests"): round trips, partial reads, damage, and what no reader accepts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameKinds } from '../../src/client/frame.js';
import { decodeChunkList, decodeIndex } from '../../src/client/manifest-decoder.js';
import { encodeIndex, encodeLeaf } from '../../src/client/manifest-encoder.js';
import type { ManifestEntry } from '../../src/client/manifest-entry.js';
import { type FetchNodes, fetchNodesMax, type ManifestItem, readManifest } from '../../src/client/manifest-reader.js';
import { ManifestWriter, pathCutHash } from '../../src/client/manifest-writer.js';
import { openNode, sealNode } from '../../src/client/seal.js';
import { encodeStrict } from '../../src/client/strict-cbor.js';
import { compareBytes, toHex, utf8 } from '../../src/protocol/bytes.js';
import { childrenMax } from '../../src/protocol/limits.js';
import { codeThrownBy, flipped } from '../helpers/integrity.js';
import {
  chunk,
  directory,
  entriesOf,
  entriesOfLeaf,
  fetchFrom,
  file,
  pathsOf,
  read,
  salt,
  write,
} from '../helpers/manifests.js';

/** A tree like a source archive: 100 directories of files with one chunk each. */
function sampleTree(files: number): ManifestEntry[] {
  const entries: ManifestEntry[] = [directory('')];
  for (let i = 0; i < 100; i += 1) entries.push(directory(`d${String(i)}`));
  for (let i = 0; i < files; i += 1) {
    const path = `d${String(i % 100)}/file-${String(i)}.txt`;
    entries.push(file(path, [chunk(path, 1000 + i)]));
  }
  return entries.sort((a, b) => compareBytes(a.path, b.path));
}

const tree = sampleTree(20_000);
const written = write(tree);

const component = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 12 })
  .filter((text) => !/[/\0]/.test(text) && text !== '.' && text !== '..');
const anyPath = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const anyEntry = fc
  .record({
    path: anyPath,
    type: fc.constantFrom('directory', 'file', 'symlink'),
    mode: fc.nat(0o7777),
    uid: fc.nat(0xffffffff),
    gid: fc.nat(3),
    user: fc.constantFrom('', 'ann', 'bert'),
    group: fc.constantFrom('', 'users'),
    mtimeSeconds: fc.maxSafeInteger(),
    mtimeNanoseconds: fc.nat(999_999_999),
    sparse: fc.boolean(),
    names: fc.array(fc.nat(9), { maxLength: 5 }),
  })
  .map(({ path, type, names, sparse, ...attributes }): ManifestEntry => {
    const chunks = type === 'file' ? names.map((name) => chunk(String(name), name + 1)) : [];
    const entry = { ...file(path, chunks), ...attributes, type, sparse: type === 'file' && sparse } as const;
    if (type === 'symlink') return { ...entry, linkTarget: utf8(path) };
    return type === 'file' && names.length === 1 ? { ...entry, hardlinkTo: Uint8Array.of(1) } : entry;
  })
  .filter((entry) => entry.hardlinkTo === undefined || compareBytes(entry.hardlinkTo, entry.path) < 0);

describe('ManifestWriter and readManifest', () => {
  it('give back any entries', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(anyEntry, { selector: (e) => toHex(e.path), maxLength: 40 }), async (entries) => {
        const sorted = [...entries].sort((a, b) => compareBytes(a.path, b.path));
        const result = write(sorted);
        expect(result.entries).toBe(sorted.length);
        expect(entriesOf(await read(result))).toEqual(sorted);
      }),
      { numRuns: 60 },
    );
  });

  it('give back a tree of many leaves, in order, with few calls', async () => {
    const calls: number[] = [];
    const items = await read(written, undefined, calls);
    expect(pathsOf(items)).toEqual(tree.map((entry) => Buffer.from(entry.path).toString()));
    expect(items).toHaveLength(written.entries);
    expect(written.bytes).toBe(tree.reduce((sum, entry) => sum + entry.size, 0));
    expect(written.blobs.size).toBeGreaterThan(10);
    expect(Math.max(...calls)).toBeLessThanOrEqual(fetchNodesMax);
    expect(calls.length).toBeLessThanOrEqual(3);
  });

  it('write an empty manifest as one leaf', async () => {
    const empty = write([]);
    expect([empty.blobs.size, empty.entries, empty.bytes]).toEqual([1, 0, 0]);
    expect(await read(empty)).toEqual([]);
  });

  it('nest indexes, and read through them', async () => {
    // Every 256th name ends a leaf, so that few entries make many leaves and more than one index.
    const names = Array.from({ length: 256 * 600 }, (_, i) => {
      let name = String(i).padStart(6, '0');
      for (let n = 0; i % 256 === 255 && pathCutHash(utf8(name)) >>> 25 !== 0; n += 1) {
        name = `${String(i).padStart(6, '0')}-${String(n)}`;
      }
      return name;
    });
    const deep = write(names.map((name) => directory(name)));
    const root = openNode(deep.root, deep.blobs.get(toHex(deep.root.id)) ?? new Uint8Array(0));
    const index = decodeIndex(root);
    expect(index.level).toBe(2);
    expect(pathsOf(await read(deep))).toEqual(names);
    const calls: number[] = [];
    expect(pathsOf(await read(deep, '020000', calls))).toEqual(['020000']);
    expect(calls).toEqual([1, 1, 1]);
    const victim = index.nodes[1];
    if (victim === undefined) throw new Error('there are two indexes');
    deep.blobs.delete(toHex(victim.ref.id));
    const items = await read(deep);
    expect(items.flatMap((item) => ('gap' in item ? [item.gap.entries] : []))).toEqual([victim.entries]);
    expect(entriesOf(items)).toHaveLength(names.length - victim.entries);
  });

  it('change one leaf and the index when one file is added', () => {
    const more = [...tree, file('d50/new file', [chunk('new', 7)])].sort((a, b) => compareBytes(a.path, b.path));
    const added = [...write(more).blobs.keys()].filter((id) => !written.blobs.has(id));
    expect(added.length).toBeLessThanOrEqual(3);
  });

  it('refuse entries out of order and twice', () => {
    const writer = new ManifestWriter({ salt, emit: () => undefined });
    writer.add(file('b', []));
    expect(() => {
      writer.add(file('a', []));
    }).toThrow('path order');
    expect(() => {
      writer.add(file('b', []));
    }).toThrow('path order');
  });

  it('end a leaf at its largest number of entries where no name ends it', async () => {
    const names = Array.from({ length: 6000 }, (_, i) => String(i).padStart(6, '0'));
    const uncut = names.filter((name) => pathCutHash(utf8(name)) >>> 25 !== 0).slice(0, 5000);
    const result = write(uncut.map((name) => directory(name)));
    expect(result.blobs.size).toBe(3);
    expect(pathsOf(await read(result))).toEqual(uncut);
  });

  it('end a leaf at its largest number of bytes', async () => {
    const long = (first: string) => [first, ...Array.from({ length: 15 }, () => 'x'.repeat(250))].join('/');
    const names = Array.from({ length: 1200 }, (_, i) => long(String(i).padStart(4, '0')));
    const uncut = names.filter((name) => pathCutHash(utf8(name)) >>> 25 !== 0).slice(0, 1000);
    const result = write(uncut.map((name) => directory(name)));
    // 64 bytes and a path of 3,769 each: 410 entries fill a leaf.
    expect(result.blobs.size).toBe(4);
    expect(pathsOf(await read(result))).toEqual(uncut);
  });

  it('keep to the number of children and entries of a leaf', () => {
    const full = Array.from({ length: 40 }, (_, i) =>
      file(
        `file ${String(i).padStart(3, '0')}`,
        Array.from({ length: 256 }, (__, part) => chunk(`${String(i)} ${String(part)}`, 1)),
      ),
    );
    const result = write(full);
    for (const blob of result.blobs.values()) {
      expect(new DataView(blob.buffer).getUint32(4)).toBeLessThanOrEqual(childrenMax);
    }
    expect(result.blobs.size).toBe(3);
  });
});

describe('readManifest with a prefix', () => {
  it('gives the entry and what lies below it, and fetches few nodes', async () => {
    const calls: number[] = [];
    const paths = pathsOf(await read(written, 'd5', calls));
    expect(paths).toHaveLength(201);
    expect(paths.every((path) => path === 'd5' || path.startsWith('d5/'))).toBe(true);
    expect(calls.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(5);
  });

  it('selects the same entries as a filter over everything', async () => {
    const names = ['a', 'a-b', 'a.b', 'a/b', 'a/b/c', 'a0', 'a b', 'ab', 'a/-', 'b'];
    const small = write(names.map((name) => file(name, [])).sort((x, y) => compareBytes(x.path, y.path)));
    for (const prefix of ['', 'a', 'a/b', 'a-', 'b', 'c', 'a/b/c/d', 'd99/file-99.txt']) {
      const expected = names.filter((name) => prefix === '' || name === prefix || name.startsWith(`${prefix}/`));
      expect(pathsOf(await read(small, prefix)).sort()).toEqual(expected.sort());
    }
    expect(pathsOf(await read(written, 'd99/file-99.txt'))).toEqual(['d99/file-99.txt']);
    expect(pathsOf(await read(written, 'd0/absent'))).toEqual([]);
  });
});

describe('readManifest of a damaged manifest', () => {
  const leafIds = [...written.blobs].filter(([id]) => id !== toHex(written.root.id)).map(([id]) => id);
  const victim = leafIds[4] ?? '';

  async function readDamaged(blobs: Map<string, Uint8Array>): Promise<ManifestItem[]> {
    return read({ ...written, blobs });
  }

  it.each(['missing', 'damaged'])('turns a %s leaf into a gap and reads the rest', async (kind) => {
    const blobs = new Map(written.blobs);
    if (kind === 'missing') blobs.delete(victim);
    else blobs.set(victim, flipped(written.blobs.get(victim) ?? new Uint8Array(0), 1000));
    const items = await readDamaged(blobs);
    const gaps = items.flatMap((item) => ('gap' in item ? [item.gap] : []));
    expect(gaps).toHaveLength(1);
    const [gap] = gaps;
    expect(gap?.cause.code).toBe('integrity');
    expect(entriesOf(items)).toHaveLength(written.entries - (gap?.entries ?? 0));
    const at = items.findIndex((item) => 'gap' in item);
    const before = items[at - 1];
    if (before === undefined || !('entry' in before) || gap === undefined) throw new Error('the gap stands inside');
    expect(compareBytes(before.entry.path, gap.firstPath)).toBeLessThan(0);
  });

  it('throws where the root is missing or damaged', async () => {
    const id = toHex(written.root.id);
    const without = new Map(written.blobs);
    without.delete(id);
    await expect(readDamaged(without)).rejects.toMatchObject({ code: 'integrity' });
    const damaged = new Map(written.blobs).set(id, flipped(written.blobs.get(id) ?? new Uint8Array(0), 50));
    await expect(readDamaged(damaged)).rejects.toMatchObject({ code: 'integrity' });
  });

  it('passes on what fetching throws', async () => {
    let calls = 0;
    const failing: FetchNodes = (refs) => {
      calls += 1;
      if (calls > 1) return Promise.reject(new Error('offline'));
      return fetchFrom(written.blobs)(refs);
    };
    const reading = (async () => {
      for await (const item of readManifest(written.root, failing)) expect(item).toBeDefined();
    })();
    await expect(reading).rejects.toThrow('offline');
  });

  it('turns a leaf that is not what its index says into a gap', async () => {
    const leaf = (names: string[]) => {
      const encoded = encodeLeaf(names.map((name) => file(name, [])));
      return sealNode(salt, frameKinds.manifestLeaf, encoded.raw, encoded.children);
    };
    const good = leaf(['a', 'b']);
    const bad = leaf(['c', 'd']);
    const lies = [
      { firstPath: utf8('bb'), entries: 2, bytes: 0 },
      { firstPath: utf8('c'), entries: 3, bytes: 0 },
      { firstPath: utf8('c'), entries: 2, bytes: 1 },
    ];
    for (const lie of lies) {
      const children = [
        { ref: good, firstPath: utf8('a'), entries: 2, bytes: 0 },
        { ref: bad, ...lie },
      ];
      expect(await readIndex(1, children, [good, bad])).toEqual(['a', 'b', 'gap']);
    }
    const overlapping = [
      { ref: leaf(['a', 'cc']), firstPath: utf8('a'), entries: 2, bytes: 0 },
      { ref: bad, firstPath: utf8('c'), entries: 2, bytes: 0 },
    ] as const;
    expect(await readIndex(1, overlapping, [overlapping[0].ref, bad])).toEqual(['gap', 'c', 'd']);
    expect(await readIndex(2, [{ ref: good, firstPath: utf8('a'), entries: 2, bytes: 0 }], [good])).toEqual(['gap']);
  });

  it('turns an index at a wrong level into a gap, and refuses one out of order', async () => {
    const encoded = encodeLeaf([file('a', [])]);
    const leaf = sealNode(salt, frameKinds.manifestLeaf, encoded.raw, encoded.children);
    const row = { firstPath: utf8('a'), entries: 1, bytes: 0 };
    const inner = encodeIndex(1, [{ ref: leaf, ...row }]);
    const index = sealNode(salt, frameKinds.manifestIndex, inner.raw, inner.children);
    expect(await readIndex(2, [{ ref: index, ...row }], [leaf, index])).toEqual(['a']);
    expect(await readIndex(3, [{ ref: index, ...row }], [leaf, index])).toEqual(['gap']);
    const twice = [
      { ref: leaf, ...row },
      { ref: index, ...row },
    ];
    await expect(readIndex(1, twice, [leaf, index])).rejects.toMatchObject({ code: 'integrity' });
  });

  async function readIndex(
    level: number,
    children: Parameters<typeof encodeIndex>[1],
    nodes: readonly { id: Uint8Array; blob: Uint8Array }[],
  ): Promise<string[]> {
    const encoded = encodeIndex(level, children);
    const root = sealNode(salt, frameKinds.manifestIndex, encoded.raw, encoded.children);
    const blobs = new Map([root, ...nodes].map((node) => [toHex(node.id), node.blob]));
    const items = await read({ root, entries: 0, bytes: 0, blobs });
    return items.map((item) => ('gap' in item ? 'gap' : Buffer.from(item.entry.path).toString()));
  }
});

describe('chunk lists', () => {
  const chunksOf = (count: number) =>
    Array.from({ length: count }, (_, i) => chunk(`part ${String(i % 9000)}`, 10 + (i % 7)));

  it.each([256, 257, 10_000])('hold a file of %i chunks', async (count) => {
    const chunks = chunksOf(count);
    const result = write([file('small', [chunk('s', 1)]), file('whole', chunks)]);
    const entry = entriesOf(await read(result))[1];
    if (entry === undefined) throw new Error('the file is there');
    const fromLists = entry.chunkLists.flatMap((list) => {
      const blob = result.blobs.get(toHex(list.id)) ?? new Uint8Array(0);
      return decodeChunkList(openNode(list, blob), list.size);
    });
    expect(entry.chunks.length > 0).toBe(count <= 256);
    expect([...entry.chunks, ...fromLists].map((one) => [toHex(one.id), one.rawLength])).toEqual(
      chunks.map((one) => [toHex(one.id), one.rawLength]),
    );
    expect(entry.size).toBe(chunks.reduce((sum, one) => sum + one.rawLength, 0));
    // An unchanged file of an earlier manifest is written again from its lists alone.
    expect(toHex(write([file('small', [chunk('s', 1)]), entry]).root.id)).toBe(toHex(result.root.id));
  });

  it('change in one place when a long file does', () => {
    const chunks = chunksOf(9000);
    const before = write([file('f', chunks)]).blobs;
    const edited = [...chunks.slice(0, 4000), chunk('edit', 5), ...chunks.slice(4000)];
    const added = [...write([file('f', edited)]).blobs.keys()].filter((id) => !before.has(id));
    expect(before.size).toBeGreaterThan(3);
    expect(added.length).toBeLessThanOrEqual(3);
  });

  it('are refused with another size, and beyond their number', () => {
    const list = { ...chunk('l', 1), size: 5 };
    const lists = (count: number): ManifestEntry => ({
      ...file('f', []),
      size: 5 * count,
      chunkLists: Array.from({ length: count }, () => list),
    });
    expect(entriesOfLeaf([lists(4096)])[0]?.chunkLists).toHaveLength(4096);
    expect(codeThrownBy(() => write([lists(4097)]))).toBe('failed');
    const node = { kind: frameKinds.chunkList, children: [list.id], raw: encodeStrict([1, [0, list.key, 5]]) };
    expect(decodeChunkList(node, 5)).toHaveLength(1);
    expect(codeThrownBy(() => decodeChunkList(node, 6))).toBe('integrity');
    expect(codeThrownBy(() => decodeChunkList({ ...node, kind: frameKinds.manifestLeaf }, 5))).toBe('integrity');
  });
});
