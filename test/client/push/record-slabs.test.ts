// The memory that a sealing thread shares: what is in it is a blob stream, and nothing of it changes before it is given back.
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { everyoneSalt } from '../../../src/client/dedup-domain.js';
import { frameKinds, planFrame } from '../../../src/client/frame.js';
import { RecordSlabs } from '../../../src/client/push/record-slabs.js';
import type { SealedRun } from '../../../src/client/push/seal-messages.js';
import { openLeaf, sealLeaf } from '../../../src/client/seal.js';
import { blobStreamHeaderBytes, leafRecordBytesMax, splitBlobRecords } from '../../../src/protocol/blob-stream.js';
import { bytesKey, equalBytes, fromBytesKey } from '../../../src/protocol/bytes.js';
import { blobIdBytes, rawBytesMax } from '../../../src/protocol/limits.js';

const planOf = (raw: Uint8Array) => planFrame(frameKinds.data, raw);
const longest = planOf(randomBytes(rawBytesMax));

function recordsOf(memory: SharedArrayBuffer | undefined, run: SealedRun | undefined): Uint8Array[] {
  if (memory === undefined || run === undefined) throw new Error('no run');
  return splitBlobRecords(new Uint8Array(memory, run.fromByte, run.toByte - run.fromByte));
}

async function isEnded(promise: Promise<void> | undefined): Promise<boolean> {
  if (promise === undefined) return true;
  return Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(resolve, false))]);
}

describe('slabs', () => {
  test('hold the very blobs that sealing alone makes, with their ids before them', () => {
    const slabs = new RecordSlabs(1);
    void slabs.nextSlab();
    const contents = [0, 1, 5000, 300_000].map((length) => randomBytes(length));
    const sealed = contents.map((raw) => slabs.seal(everyoneSalt, planOf(raw)));
    const run = slabs.takeRun();
    const records = recordsOf(run?.memory, run);
    expect([...(run?.rawLengths ?? [])]).toEqual([0, 1, 5000, 300_000]);
    contents.forEach((raw, at) => {
      const alone = sealLeaf(everyoneSalt, raw);
      const record = records[at] ?? new Uint8Array();
      expect(bytesKey(record.subarray(0, blobIdBytes))).toBe(sealed[at]?.id);
      expect(equalBytes(record.subarray(blobStreamHeaderBytes), alone.blob)).toBe(true);
      expect(record.length).toBeLessThanOrEqual(leafRecordBytesMax(raw.length));
      const ref = { id: alone.id, key: fromBytesKey(sealed[at]?.key ?? ''), rawLength: raw.length };
      expect(equalBytes(openLeaf(ref, record.subarray(blobStreamHeaderBytes)), raw)).toBe(true);
    });
  });

  test('take the longest chunk, and tell before one does not fit', () => {
    const slabs = new RecordSlabs(2);
    expect(slabs.hasRoom(longest)).toBe(false);
    void slabs.nextSlab();
    expect(slabs.hasRoom(longest)).toBe(true);
    slabs.seal(everyoneSalt, longest);
    expect(slabs.hasRoom(longest)).toBe(false);
    expect(slabs.takeRun()?.memory).toBeInstanceOf(SharedArrayBuffer);
    expect(slabs.takeRun()).toBeUndefined();
  });

  test('are not used again before every run in them is given back', async () => {
    const slabs = new RecordSlabs(2);
    void slabs.nextSlab();
    const small = planOf(randomBytes(100));
    slabs.seal(everyoneSalt, small);
    const first = slabs.takeRun();
    slabs.seal(everyoneSalt, small);
    const second = slabs.takeRun();
    // The slab itself travels once.
    expect([first?.slab, second?.slab, second?.memory]).toEqual([0, 0, undefined]);
    expect(await isEnded(slabs.nextSlab())).toBe(true);
    slabs.seal(everyoneSalt, small);
    const third = slabs.takeRun();
    expect(third?.slab).toBe(1);
    const before = recordsOf(first?.memory, first).map(bytesKey);
    const waiting = slabs.nextSlab();
    expect(await isEnded(waiting)).toBe(false);
    slabs.giveBack(0);
    expect(await isEnded(waiting)).toBe(false);
    expect(recordsOf(first?.memory, first).map(bytesKey)).toEqual(before);
    slabs.giveBack(0);
    expect(await isEnded(waiting)).toBe(true);
    slabs.seal(everyoneSalt, small);
    expect(slabs.takeRun()).toMatchObject({ slab: 0, memory: undefined, fromByte: 0 });
  });

  test('cannot be given back more often than they were handed over', () => {
    const slabs = new RecordSlabs(1);
    void slabs.nextSlab();
    slabs.seal(everyoneSalt, planOf(randomBytes(10)));
    slabs.takeRun();
    slabs.giveBack(0);
    expect(() => {
      slabs.giveBack(0);
    }).toThrow('given back once');
  });
});
