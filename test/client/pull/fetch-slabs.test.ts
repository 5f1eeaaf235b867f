// What is fetched into one slab with several requests: from a daemon that is made up, and far away.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { DaemonApi } from '../../../src/client/daemon-api.js';
import { SlabFetcher } from '../../../src/client/pull/fetch-slabs.js';
import { blobStreamHeaderBytes, leafRecordBytesMax } from '../../../src/protocol/blob-stream.js';
import { equalBytes } from '../../../src/protocol/bytes.js';

const slabBytes = 4 * 1024 * 1024;
const rawLength = 300_000;
const limits = { requestBytesMax: slabBytes, inFlightBytesMax: 4 * slabBytes };

interface Asked {
  readonly ids: readonly Uint8Array[];
  readonly memoryBytes: number;
}

/** Gives every blob as its id repeated; `gate` may hold a request up or refuse it. */
function farDaemon(gate: (request: number) => Promise<void> = () => Promise.resolve()) {
  const asked: Asked[] = [];
  const state = { underWay: 0, most: 0 };
  const fetchBlobs = async (ids: readonly Uint8Array[], memory: Uint8Array, onMoved: (bytes: number) => void) => {
    asked.push({ ids, memoryBytes: memory.length });
    state.underWay += 1;
    state.most = Math.max(state.most, state.underWay);
    try {
      await gate(asked.length);
      await sleep(1);
      return ids.map((id, at) => {
        const blob = memory
          .subarray(at * (rawLength + blobStreamHeaderBytes) + blobStreamHeaderBytes)
          .subarray(0, rawLength);
        for (let from = 0; from < rawLength; from += 32) blob.set(id.subarray(0, rawLength - from), from);
        onMoved(rawLength);
        return blob;
      });
    } finally {
      state.underWay -= 1;
    }
  };
  return { api: { roundTripMs: 200, retries: 0, fetchBlobs } as unknown as DaemonApi, asked, state };
}

const chunkOf = () => ({ id: randomBytes(32), key: randomBytes(32), rawLength });

test('a slab is filled with small requests side by side, each in its own part, and each blob comes once', async () => {
  const { api, asked, state } = farDaemon();
  const slab = new SharedArrayBuffer(slabBytes);
  const chunks = Array.from({ length: 12 }, chunkOf);
  const [first] = chunks;
  const placed = await new SlabFetcher(api, limits).fetchInto(slab, first === undefined ? [] : [...chunks, first]);
  expect(asked.flatMap(({ ids }) => ids)).toEqual(chunks.map(({ id }) => id));
  expect(asked.length).toBe(4);
  expect(state.most).toBe(4);
  for (const { ids, memoryBytes } of asked) expect(memoryBytes).toBe(ids.length * leafRecordBytesMax(rawLength));
  expect(placed.length).toBe(13);
  expect(placed[12]?.place).toEqual(placed[0]?.place);
  for (const [at, { id }] of chunks.entries()) {
    const { offset, lengthBytes } = placed[at]?.place ?? { offset: 0, lengthBytes: 0 };
    expect(lengthBytes).toBe(rawLength);
    expect(equalBytes(new Uint8Array(slab, offset, 32), id)).toBe(true);
  }
});

test('all slabs together have no more requests under way than the line can bear', async () => {
  const { api, asked, state } = farDaemon();
  const fetcher = new SlabFetcher(api, limits);
  const slabs = Array.from({ length: 4 }, () => new SharedArrayBuffer(slabBytes));
  await Promise.all(slabs.map((slab) => fetcher.fetchInto(slab, Array.from({ length: 12 }, chunkOf))));
  expect(asked.length).toBe(16);
  expect(state.most).toBe(12);
});

test('the fault of one request is told when no other writes to the slab any more', async () => {
  const { api, state } = farDaemon(async (request) => {
    if (request === 1) throw new Error('refused');
    await sleep(20);
  });
  const fetched = new SlabFetcher(api, limits).fetchInto(
    new SharedArrayBuffer(slabBytes),
    Array.from({ length: 12 }, chunkOf),
  );
  await expect(fetched).rejects.toThrow('refused');
  expect(state.underWay).toBe(0);
});
