// A push that takes leaves from the push before makes the manifest that it would make without: whatever has been added, changed
// or taken away, and whatever the batches of the walk are.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { comparePaths } from '../../../src/client/byte-text.js';
import { EntryQueue } from '../../../src/client/push/entry-queue.js';
import { EntryRecorder } from '../../../src/client/push/entry-recorder.js';
import { LeafMatcher, type Met } from '../../../src/client/push/leaf-matcher.js';
import type { OwnerNames } from '../../../src/client/push/owner-names.js';
import { PushCacheReader, PushCacheWriter } from '../../../src/client/push/push-cache.js';
import type { WalkedEntry } from '../../../src/client/push/walk.js';
import { encodeBatch, WalkedRows } from '../../../src/client/push/walk-messages.js';
import type { ChunkRef, SealedBlob } from '../../../src/client/seal.js';
import { sha256 } from '../../../src/protocol/blob-id.js';
import { toHex, utf8 } from '../../../src/protocol/bytes.js';
import { makeTempDir, removeTempDirs } from '../../helpers/programs.js';
import { statOf } from '../../helpers/source-stats.js';

afterAll(removeTempDirs);

const key = randomBytes(32);
const salt = randomBytes(32);
const names: OwnerNames = { user: () => 'ann', group: () => 'ann', hash: sha256(utf8('ann')) };

interface Item {
  readonly path: string;
  readonly type: WalkedEntry['type'];
  /** Another number is another version. */
  readonly version: number;
  readonly links: number;
  /** What is not part of the version. */
  readonly sparse: boolean;
}

function item(path: string, more: Partial<Item> = {}): Item {
  return { path, type: 'file', version: 1, links: 1, sparse: false, ...more };
}

const fileBytes = ({ version }: Item) => version * 10;

function walkedOf(each: Item): WalkedEntry {
  const { path, type, version, links, sparse } = each;
  return {
    kind: 'entry',
    type,
    path,
    source: `/source/${path}`,
    stat: statOf({
      sizeBytes: type === 'file' ? fileBytes(each) : 4096,
      modifiedSeconds: version,
      changedSeconds: version,
      // Names of one file have a number in common.
      inode: links > 1 ? 1n : BigInt(`0x${toHex(sha256(utf8(path)).subarray(0, 8))}`),
      links,
      sparse,
    }),
  };
}

function chunksOf(each: Item): ChunkRef[] {
  const id = sha256(utf8(`${each.path} ${String(each.version)}`));
  return [{ id, key: sha256(id), rawLength: fileBytes(each) }];
}

interface Pushed {
  readonly root: string;
  readonly nodes: readonly SealedBlob[];
  readonly counts: EntryRecorder['counts'];
  /** Paths of the files that were read. */
  readonly read: readonly string[];
  readonly leaves: number;
}

interface Push {
  readonly batchItems?: number;
  readonly owners?: OwnerNames;
}

/** One push of what a walk has met, in the folder where an earlier one may have left its cache. */
function push(folder: string, items: readonly Item[], { batchItems = 100, owners = names }: Push = {}): Pushed {
  const path = join(folder, 'cache');
  const sorted = [...items].sort((a, b) => comparePaths(a.path, b.path));
  const itemAt = new Map(sorted.map((each) => [each.path, each]));
  const cache = PushCacheReader.open(path, key);
  const takesLeaves = cache !== undefined && Buffer.compare(cache.origin.ownersHash, owners.hash) === 0;
  const matcher = new LeafMatcher(cache, takesLeaves);
  const nodes: SealedBlob[] = [];
  const read: string[] = [];
  let leaves = 0;
  const recorder = new EntryRecorder({
    salt,
    names: owners,
    cacheWriter: new PushCacheWriter(path, key),
    emit: (node) => nodes.push(node),
    linkTarget: ({ path: link }) => `to ${link}`,
  });
  const queue = new EntryQueue(owners, {
    onEntry: (entry, walked, cacheable) => {
      recorder.addEntry(entry, walked, cacheable);
    },
    onLeaf: (leaf) => {
      recorder.addLeaf(leaf);
    },
    onUnreadable: () => undefined,
  });
  const takeAll = (met: readonly Met[]) => {
    for (const each of met) {
      if ('leaf' in each) {
        leaves += 1;
        queue.addLeaf(each.leaf);
        continue;
      }
      const { walked, chunks } = each;
      const found = itemAt.get(walked.path) ?? item('');
      const content = { sizeBytes: fileBytes(found), stat: undefined, changed: false };
      if (walked.type === 'directory') queue.addDirectory(walked);
      else if (walked.type === 'symlink') queue.addSymlink(walked, `to ${walked.path}`);
      else if (queue.addLinkToKnown(walked)) continue;
      else if (chunks !== undefined) queue.addKnown(walked, { ...content, chunks });
      else {
        read.push(walked.path);
        queue.settle(queue.addReading(walked), { ...content, chunks: chunksOf(found) });
      }
    }
  };
  for (let from = 0; from < sorted.length; from += batchItems) {
    takeAll(matcher.take(new WalkedRows(encodeBatch(sorted.slice(from, from + batchItems).map(walkedOf)))));
  }
  takeAll(matcher.end());
  expect(queue.length).toBe(0);
  const root = recorder.finish();
  recorder.commit({ seq: 1, entryHash: new Uint8Array(32), root });
  cache?.close();
  return { root: toHex(root.id), nodes, counts: recorder.counts, read, leaves };
}

const pathAt = (at: number) => `${String(Math.floor(at / 50)).padStart(4, '0')}/${String(at).padStart(6, '0')}`;

function tree(count: number): Item[] {
  return Array.from({ length: count }, (_, at) =>
    item(pathAt(at), { type: at % 50 === 0 ? 'directory' : at % 77 === 0 ? 'symlink' : 'file' }),
  );
}

const hashOf = (pushed: Pushed) => [pushed.root, pushed.counts];

describe('a push after another one', () => {
  test('of the same reads nothing and writes no leaf but the last', () => {
    const folder = makeTempDir();
    const first = push(folder, tree(20_000));
    const second = push(folder, tree(20_000), { batchItems: 512 });
    expect(hashOf(second)).toEqual(hashOf(first));
    expect(first.nodes.length).toBeGreaterThan(10);
    // The last leaf ends with the walk, and indexes stand over all of them.
    expect(second.nodes.length).toBeLessThanOrEqual(4);
    expect(second.leaves).toBe(first.nodes.length - second.nodes.length);
    expect(second.read).toEqual([]);
    // The cache that it leaves is as good.
    const third = push(folder, tree(20_000), { batchItems: 7 });
    expect([...hashOf(third), third.nodes.length, third.read]).toEqual([...hashOf(first), second.nodes.length, []]);
  });

  test('of one changed file reads that file and writes its leaf', () => {
    const folder = makeTempDir();
    const items = tree(20_000);
    const first = push(folder, items);
    const changed = items.with(9_999, item(pathAt(9_999), { version: 2 }));
    const second = push(folder, changed);
    expect(second.read).toEqual([pathAt(9_999)]);
    expect(second.leaves).toBe(first.nodes.length - second.nodes.length);
    expect(second.root).not.toBe(first.root);
    expect(hashOf(second)).toEqual(hashOf(push(makeTempDir(), changed)));
    const third = push(folder, changed);
    // Without that leaf, but for the last one and the indexes.
    const rest = second.nodes.length - 1;
    expect([...hashOf(third), third.read, third.nodes.length]).toEqual([...hashOf(second), [], rest]);
    expect(rest).toBeLessThanOrEqual(4);
  });

  test('with other names of owners writes every leaf and reads no file', () => {
    const folder = makeTempDir();
    const first = push(folder, tree(5_000));
    const owners = { ...names, user: () => 'bob', hash: sha256(utf8('bob')) };
    const second = push(folder, tree(5_000), { owners });
    expect([second.read, second.leaves, second.nodes.length]).toEqual([[], 0, first.nodes.length]);
    expect(hashOf(second)).toEqual(hashOf(push(makeTempDir(), tree(5_000), { owners })));
  });

  test('where only the holes of a file are told otherwise reads nothing and tells of them', () => {
    const folder = makeTempDir();
    const items = tree(5_000);
    push(folder, items);
    const sparse = items.with(2_001, item(pathAt(2_001), { sparse: true }));
    const second = push(folder, sparse);
    expect(second.read).toEqual([]);
    expect(hashOf(second)).toEqual(hashOf(push(makeTempDir(), sparse)));
  });

  test('of several names of one file keeps them names of one file', () => {
    const folder = makeTempDir();
    const items = tree(5_000).map((each, at) => (at === 701 || at === 3_501 ? { ...each, links: 2 } : each));
    const first = push(folder, items);
    const second = push(folder, items);
    expect([...hashOf(second), second.read]).toEqual([...hashOf(first), []]);
    expect(second.leaves).toBeGreaterThan(0);
  });

  test('where a leaf does not end any more takes the next one apart', () => {
    const folder = makeTempDir();
    const items = tree(5_000);
    push(folder, items);
    const reader = PushCacheReader.open(join(folder, 'cache'), key);
    const lastOfFirst = (reader?.leaf?.child.entries ?? 0) - 1;
    reader?.close();
    expect(lastOfFirst).toBeGreaterThan(62);
    const fewer = items.toSpliced(lastOfFirst, 1);
    const second = push(folder, fewer);
    expect(second.read).toEqual([]);
    expect(hashOf(second)).toEqual(hashOf(push(makeTempDir(), fewer)));
  });

  test('that ends within a leaf keeps what it has met of it', () => {
    const folder = makeTempDir();
    push(folder, tree(5_000));
    const reader = PushCacheReader.open(join(folder, 'cache'), key);
    const fewer = tree((reader?.leaf?.child.entries ?? 0) - 5);
    reader?.close();
    const second = push(folder, fewer);
    expect([second.read, second.leaves]).toEqual([[], 0]);
    expect(hashOf(second)).toEqual(hashOf(push(makeTempDir(), fewer)));
  });

  test('of any changes makes the manifest of a push that knows nothing', () => {
    const base = tree(6_000);
    const anyChange = fc.oneof(
      fc.record({ kind: fc.constant('change' as const), at: fc.nat(5_999), count: fc.integer({ min: 1, max: 1_500 }) }),
      fc.record({ kind: fc.constant('remove' as const), at: fc.nat(5_999), count: fc.integer({ min: 1, max: 1_500 }) }),
      fc.record({ kind: fc.constant('add' as const), at: fc.nat(5_999), count: fc.integer({ min: 1, max: 200 }) }),
      fc.record({ kind: fc.constant('link' as const), at: fc.nat(5_999), count: fc.constant(1) }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(anyChange, { maxLength: 4 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 3_000 }),
        (pushes, batchItems) => {
          const folder = makeTempDir();
          const items = new Map(base.map((each) => [each.path, each]));
          push(folder, base);
          for (const [round, changes] of pushes.entries()) {
            for (const { kind, at, count } of changes) {
              for (let step = at; step < at + count; step += 1) {
                const path = pathAt(step);
                const before = items.get(path);
                if (kind === 'remove') items.delete(path);
                else if (kind === 'add') items.set(`${path}-${String(round)}`, item(`${path}-${String(round)}`));
                else if (before?.type === 'file' && kind === 'link') items.set(path, { ...before, links: 2 });
                else if (before?.type === 'file') items.set(path, { ...before, version: before.version + 1 });
              }
            }
            const pushed = push(folder, [...items.values()], { batchItems });
            const fresh = push(makeTempDir(), [...items.values()]);
            expect(hashOf(pushed)).toEqual(hashOf(fresh));
            const known = new Set(fresh.nodes.map(({ id }) => toHex(id)));
            expect(pushed.nodes.every(({ id }) => known.has(toHex(id)))).toBe(true);
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});
