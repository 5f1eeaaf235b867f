// Which uploads of nodes may travel side by side, and that nothing is left under way.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { frameKinds } from '../../../src/client/frame.js';
import { inLanes, nodeWaves } from '../../../src/client/push/upload-line.js';
import { sealNode } from '../../../src/client/seal.js';

const salt = randomBytes(32);
const nodeAbove = (...children: readonly Uint8Array[]) =>
  sealNode(salt, frameKinds.manifestLeaf, randomBytes(10), children);

describe('nodes in waves', () => {
  test('are all there, in order, and none stands in one wave with a node that it refers to', () => {
    const leaves = Array.from({ length: 3 }, () => nodeAbove(randomBytes(32)));
    const index = nodeAbove(...leaves.map(({ id }) => id));
    const beside = nodeAbove(randomBytes(32));
    const root = nodeAbove(index.id, beside.id);
    expect([...nodeWaves([...leaves, index, beside, root])]).toEqual([leaves, [index, beside], [root]]);
    expect([...nodeWaves([])]).toEqual([]);
  });
});

describe('work in lanes', () => {
  test('is done for each item, with no more side by side than there are lanes', async () => {
    let now = 0;
    let most = 0;
    const done: number[] = [];
    await inLanes([1, 2, 3, 4, 5], 2, async (item) => {
      now += 1;
      most = Math.max(most, now);
      await sleep(5);
      now -= 1;
      done.push(item);
    });
    expect([done.sort(), most]).toEqual([[1, 2, 3, 4, 5], 2]);
  });

  test('ends with the fault of one only when the others have ended', async () => {
    let isOtherDone = false;
    const work = inLanes(['bad', 'slow'], 2, async (item) => {
      if (item === 'bad') throw new Error('refused');
      await sleep(20);
      isOtherDone = true;
    });
    await expect(work).rejects.toThrow('refused');
    expect(isOtherDone).toBe(true);
  });
});
