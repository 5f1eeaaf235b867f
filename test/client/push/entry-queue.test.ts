// The queue keeps nothing of what it has passed on: a leaf holds the blocks and batches that it was found in.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { EntryQueue } from '../../../src/client/push/entry-queue.js';
import { KnownLeaf } from '../../../src/client/push/leaf-matcher.js';
import { readOwnerNames } from '../../../src/client/push/owner-names.js';
import { CachedLeaf, recordsAt, recordTailBytes, writeHead } from '../../../src/client/push/push-cache-leaf.js';
import { rowBytesOf, rowMemoryOf, writeRow } from '../../../src/client/push/walked-rows.js';
import { statOf } from '../../helpers/source-stats.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function leafOf(entries: number): KnownLeaf {
  const block = rowMemoryOf(new Uint8Array(recordsAt + rowBytesOf('a') + recordTailBytes(0)));
  const ref = { id: new Uint8Array(32), key: new Uint8Array(32) };
  writeHead(block, { ref, entries, bytes: 0 });
  writeRow(block, recordsAt, { type: 'file', path: 'a', stat: statOf() });
  return new KnownLeaf(new CachedLeaf(block.bytes));
}

test('leaves that were passed on are let go', async () => {
  let passedOn = 0;
  const queue = new EntryQueue(readOwnerNames(), {
    onEntry: () => undefined,
    onLeaf: () => {
      passedOn += 1;
    },
    onUnreadable: () => undefined,
  });
  const seen = Array.from({ length: 100 }, () => {
    const leaf = leafOf(7);
    queue.addLeaf(leaf);
    return new WeakRef(leaf);
  });
  expect([passedOn, queue.length]).toEqual([100, 0]);
  // A weak reference holds what it names until the turn is over.
  await new Promise(setImmediate);
  collect();
  expect(seen.filter((leaf) => leaf.deref() !== undefined).length).toBeLessThanOrEqual(1);
});
