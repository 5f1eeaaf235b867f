// fetchBlobs (docs/protocol.md): the order asked, and one look for foreign, absent and lost blobs.
import { open, rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blobs as blobRows } from '../../../src/daemon/db/schema.js';
import { BlobStreamParser, type StreamedBlob } from '../../../src/protocol/blob-stream.js';
import { toBase64 } from '../../../src/protocol/bytes.js';
import { blobStreamType } from '../../../src/protocol/endpoints.js';
import { queryIdsMax } from '../../../src/protocol/limits.js';
import { idsOf, leafBlob, type TestBlob } from '../../helpers/blobs.js';
import {
  errorOf,
  filesOf,
  openTestDaemon,
  put,
  query,
  sendJson,
  type TestCaller,
  type TestDaemon,
} from '../../helpers/daemon-fixture.js';

let daemon: TestDaemon;
let ann: TestCaller;
let bob: TestCaller;

beforeEach(async () => {
  daemon = await openTestDaemon();
  ann = daemon.addCaller('ann');
  bob = daemon.addCaller('bob');
});

afterEach(() => daemon.close());

async function fetchBlobs(caller: TestCaller, ids: Uint8Array): Promise<StreamedBlob[]> {
  const response = await sendJson(daemon.app, caller, '/v1/blobs/fetch', { ids: toBase64(ids) });
  expect(response.headers.get('content-type')).toBe(blobStreamType);
  const parser = new BlobStreamParser();
  const blobs = parser.push(new Uint8Array(await response.arrayBuffer()));
  parser.end();
  return blobs;
}

function plain(blobs: readonly StreamedBlob[]): { id: string; blob: string }[] {
  return blobs.map(({ id, blob }) => ({ id: toBase64(id), blob: toBase64(blob) }));
}

function lost({ id }: TestBlob): StreamedBlob {
  return { id, blob: new Uint8Array(0) };
}

describe('fetchBlobs', () => {
  test('gives the blobs of several packs back in the order asked, repeated ones too', async () => {
    const first = [leafBlob(), leafBlob(3_000_000), leafBlob(3_000_000), leafBlob()];
    const second = [leafBlob(), leafBlob()];
    await put(daemon.app, ann, first);
    await put(daemon.app, ann, second);
    const [a, b, c, d] = first;
    const [e, f] = second;
    const asked = [a, b, c, d, f, e, a, a, b, e, f].filter((blob) => blob !== undefined);
    expect(plain(await fetchBlobs(ann, idsOf(asked)))).toEqual(plain(asked));
    expect(await fetchBlobs(ann, new Uint8Array(0))).toEqual([]);
  });

  test('blobs of others and blobs that nobody has look alike', async () => {
    const [mine, theirs, nobodys] = [leafBlob(), leafBlob(), leafBlob()];
    await put(daemon.app, ann, [mine]);
    await put(daemon.app, bob, [theirs]);
    const answer = await fetchBlobs(ann, idsOf([theirs, mine, nobodys]));
    expect(plain(answer)).toEqual(plain([lost(theirs), mine, lost(nobodys)]));
  });

  test('one record that was overwritten is lost alone, and the next query knows of it', async () => {
    const blobs = [leafBlob(), leafBlob(), leafBlob()];
    await put(daemon.app, ann, blobs);
    const [pack = ''] = (await filesOf(daemon.dataDir)).packs;
    const middle = daemon.services.database.orm.select().from(blobRows).all()[1];
    const handle = await open(pack, 'r+');
    await handle.write(new Uint8Array(36), 0, 36, (middle?.offsetBytes ?? 0) - 36);
    await handle.close();
    const [a, b, c] = blobs;
    if (a === undefined || b === undefined || c === undefined) throw new Error('three blobs');
    expect(plain(await fetchBlobs(ann, idsOf(blobs)))).toEqual(plain([a, lost(b), c]));
    expect((await query(daemon.app, ann, blobs)).states).toBe('omo');
    expect(plain(await fetchBlobs(ann, idsOf(blobs)))).toEqual(plain([a, lost(b), c]));
  });

  test('a pack that is gone is answered with records of length 0', async () => {
    const blobs = [leafBlob(), leafBlob()];
    await put(daemon.app, ann, blobs);
    const [pack = ''] = (await filesOf(daemon.dataDir)).packs;
    await rm(pack);
    expect(plain(await fetchBlobs(ann, idsOf(blobs)))).toEqual(plain(blobs.map(lost)));
    expect((await query(daemon.app, ann, blobs)).states).toBe('mm');
  });

  test('a reader that goes away early ends the download', async () => {
    const blobs = [leafBlob(4_000_000), leafBlob(4_000_000), leafBlob(4_000_000)];
    await put(daemon.app, ann, blobs);
    const response = await sendJson(daemon.app, ann, '/v1/blobs/fetch', { ids: toBase64(idsOf(blobs)) });
    if (response.body === null) throw new Error('the answer has no body');
    const body: ReadableStream<Uint8Array> = response.body;
    const reader = body.getReader();
    expect((await reader.read()).value?.length).toBeGreaterThan(0);
    await reader.cancel();
    expect((await reader.read()).done).toBe(true);
  });

  test('more ids than the limit are refused', async () => {
    const ids = toBase64(new Uint8Array(32 * (queryIdsMax + 1)));
    expect(await errorOf(await sendJson(daemon.app, ann, '/v1/blobs/fetch', { ids }))).toMatch(/too-large|malformed/);
  });
});
