// putBlobs (docs/protocol.md): what is stored, what is refused, and that a refusal leaves nothing behind.
import { rm, truncate } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blobLinks, blobs as blobRows, packs as packRows } from '../../../src/daemon/db/schema.js';
import { encodeBlobStreamHeader } from '../../../src/protocol/blob-stream.js';
import { grantHeader } from '../../../src/protocol/endpoints.js';
import { ProtocolError } from '../../../src/protocol/errors.js';
import { blobBytesMax, uploadBlobsMax, uploadBytesMax } from '../../../src/protocol/limits.js';
import { blobOf, leafBlob, nodeBlob, streamOf } from '../../helpers/blobs.js';
import {
  anyGrant,
  claim,
  errorOf,
  filesOf,
  openTestDaemon,
  ownedBytesOf,
  put,
  putStream,
  query,
  send,
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

async function expectNothingStored(): Promise<void> {
  expect(await filesOf(daemon.dataDir)).toEqual({ packs: [], temps: [] });
  expect(daemon.services.database.orm.select().from(blobRows).all()).toEqual([]);
  expect(daemon.services.database.orm.select().from(packRows).all()).toEqual([]);
  expect(ownedBytesOf(daemon, ann)).toBe(0);
}

describe('putBlobs', () => {
  test('stores blobs in one pack, and the vault owns them', async () => {
    const leaves = [leafBlob(), leafBlob(300_000), leafBlob(3_000_000)];
    const node = nodeBlob([...leaves, ...leaves]);
    expect(await put(daemon.app, ann, [...leaves, node])).toBe('ssss');
    expect((await query(daemon.app, ann, [...leaves, node])).states).toBe('oooo');
    expect((await filesOf(daemon.dataDir)).packs).toHaveLength(1);
    expect((await filesOf(daemon.dataDir)).temps).toEqual([]);
    expect(daemon.services.database.orm.select().from(blobLinks).all()).toHaveLength(3);
    expect(ownedBytesOf(daemon, ann)).toBe([...leaves, node].reduce((sum, { blob }) => sum + blob.length, 0));
  });

  test('an upload that is sent again stores nothing and leaves no second pack', async () => {
    const blobs = [leafBlob(), leafBlob()];
    expect(await put(daemon.app, ann, blobs)).toBe('ss');
    const owned = ownedBytesOf(daemon, ann);
    expect(await put(daemon.app, ann, blobs)).toBe('ee');
    expect(ownedBytesOf(daemon, ann)).toBe(owned);
    expect((await filesOf(daemon.dataDir)).packs).toHaveLength(1);
    expect(daemon.services.database.orm.select().from(packRows).all()).toHaveLength(1);
  });

  test('a blob of another vault is stored once and owned, and counted, twice', async () => {
    const shared = leafBlob();
    await put(daemon.app, ann, [shared]);
    expect(await put(daemon.app, bob, [shared, leafBlob()])).toBe('es');
    expect((await query(daemon.app, bob, [shared])).states).toBe('o');
    expect(ownedBytesOf(daemon, bob)).toBe(2 * ownedBytesOf(daemon, ann));
  });

  test('a blob that comes twice in one upload is stored once', async () => {
    const blob = leafBlob();
    expect(await put(daemon.app, ann, [blob, blob])).toBe('se');
    expect(ownedBytesOf(daemon, ann)).toBe(blob.blob.length);
  });

  test('pieces of any size make the same upload', async () => {
    const blobs = [leafBlob(), leafBlob(5_000), leafBlob()];
    const body = streamOf(blobs);
    const pieces = Array.from({ length: Math.ceil(body.length / 7) }, (_, i) => body.subarray(i * 7, i * 7 + 7));
    const response = await putStream(daemon.app, ann, Readable.from(pieces));
    expect(await response.json()).toEqual({ states: 'sss' });
  });

  test('a body without a node stream beside it is read from the request', async () => {
    const response = await daemon.app.request('/v1/blobs', {
      method: 'POST',
      headers: { authorization: `Bearer ${ann.secretText}`, [grantHeader]: anyGrant },
      body: streamOf([leafBlob()]),
    });
    expect(await response.json()).toEqual({ states: 's' });
  });

  test('an empty upload is nothing', async () => {
    expect(await put(daemon.app, ann, [])).toBe('');
    await expectNothingStored();
  });

  test('bytes that do not hash to their id are refused with all that came with them', async () => {
    const good = leafBlob();
    const bad = { id: leafBlob().id, blob: leafBlob().blob };
    expect(await errorOf(await putStream(daemon.app, ann, streamOf([good, bad])))).toBe('422 blob-invalid');
    await expectNothingStored();
  });

  test('what is no blob is refused even under its right id', async () => {
    const { blob } = leafBlob();
    const cases: [Uint8Array, string][] = [
      [new Uint8Array(0), '422 blob-invalid'],
      [blob.subarray(0, blob.length - 1), '422 blob-invalid'],
      [Uint8Array.of(0x4a, 0x43, 2, ...blob.subarray(3)), '400 unsupported-version'],
      [Uint8Array.of(...blob.subarray(0, 3), 7, ...blob.subarray(4)), '422 blob-invalid'],
    ];
    for (const [bytes, code] of cases) {
      expect(await errorOf(await putStream(daemon.app, ann, streamOf([blobOf(bytes)])))).toBe(code);
    }
    await expectNothingStored();
  });

  test('a stream that stops inside a blob or a header is malformed', async () => {
    const body = streamOf([leafBlob(), leafBlob()]);
    for (const cut of [body.length - 1, 20]) {
      expect(await errorOf(await putStream(daemon.app, ann, body.subarray(0, cut)))).toBe('400 malformed');
    }
    await expectNothingStored();
  });

  test('a body that is interrupted leaves no file', async () => {
    const pieces = [streamOf([leafBlob(1_000_000)]), streamOf([leafBlob()]).subarray(0, 500)];
    const body = new Readable({
      highWaterMark: 1,
      read() {
        const piece = pieces.shift();
        if (piece === undefined) this.destroy(new Error('connection lost'));
        else this.push(piece);
      },
    });
    expect(await errorOf(await putStream(daemon.app, ann, body))).toBe('408 request-timeout');
    await expectNothingStored();
  });

  test('a node needs its children owned, or earlier in the same upload', async () => {
    const child = leafBlob();
    const node = nodeBlob([child]);
    expect(await errorOf(await putStream(daemon.app, ann, streamOf([node])))).toBe('409 children-missing');
    expect(await errorOf(await putStream(daemon.app, ann, streamOf([node, child])))).toBe('409 children-missing');
    await expectNothingStored();
    await put(daemon.app, bob, [child]);
    expect(await errorOf(await putStream(daemon.app, ann, streamOf([node])))).toBe('409 children-missing');
    expect(await claim(daemon.app, ann, [child])).toBe('o');
    expect(await put(daemon.app, ann, [node])).toBe('s');
    expect(await errorOf(await putStream(daemon.app, bob, streamOf([nodeBlob([child, node])])))).toBe(
      '409 children-missing',
    );
  });

  test('a blob one byte beyond the longest is refused before it arrives', async () => {
    const header = encodeBlobStreamHeader(leafBlob().id, blobBytesMax + 1);
    expect(await errorOf(await putStream(daemon.app, ann, header))).toBe('413 too-large');
    await expectNothingStored();
  });

  test('a body one byte beyond the limit is refused, announced or not', async () => {
    const announced = await send(daemon.app, 'POST', '/v1/blobs', {
      caller: ann,
      headers: { [grantHeader]: anyGrant, 'content-length': String(uploadBytesMax + 1) },
    });
    expect(await errorOf(announced)).toBe('413 too-large');
    const large = leafBlob(4_000_000);
    const piece = streamOf([large]);
    const pieces = [...new Array<Uint8Array>(Math.floor(uploadBytesMax / piece.length) + 1).fill(piece)];
    expect(await errorOf(await putStream(daemon.app, ann, Readable.from(pieces)))).toBe('413 too-large');
    await expectNothingStored();
  });

  test('one blob more than the limit is refused', async () => {
    const piece = streamOf([leafBlob()]);
    const body = Readable.from(new Array<Uint8Array>(uploadBlobsMax + 1).fill(piece));
    expect(await errorOf(await putStream(daemon.app, ann, body))).toBe('413 too-large');
    await expectNothingStored();
    const allowed = Readable.from(new Array<Uint8Array>(uploadBlobsMax).fill(piece));
    expect((await putStream(daemon.app, ann, allowed)).status).toBe(200);
  });

  test('a grant is named, and a spent one stores nothing', async () => {
    const headers = { [grantHeader]: 'nonsense' };
    const unnamed = await send(daemon.app, 'POST', '/v1/blobs', { caller: ann, body: streamOf([leafBlob()]), headers });
    expect(await errorOf(unnamed)).toBe('403 grant-invalid');
    const poor = await openTestDaemon({
      spendGrant: (_, { cost }) => {
        if (cost.bytes > 2000 || cost.blobs > 1) throw new ProtocolError('grant-exhausted', 'spent');
      },
    });
    const eve = poor.addCaller('eve');
    const two = streamOf([leafBlob(), leafBlob()]);
    expect(await errorOf(await putStream(poor.app, eve, two))).toBe('403 grant-exhausted');
    expect(await filesOf(poor.dataDir)).toEqual({ packs: [], temps: [] });
    expect(await put(poor.app, eve, [leafBlob()])).toBe('s');
    await poor.close();
  });

  test('the quota holds to the byte, and what is over it changes nothing', async () => {
    const first = leafBlob();
    const small = await openTestDaemon({ quotaBytes: 2 * first.blob.length });
    const eve = small.addCaller('eve');
    await put(small.app, eve, [first]);
    const over = await putStream(small.app, eve, streamOf([leafBlob(), leafBlob()]));
    expect(await errorOf(over)).toBe('507 quota-exceeded');
    expect(ownedBytesOf(small, eve)).toBe(first.blob.length);
    expect((await filesOf(small.dataDir)).packs).toHaveLength(1);
    expect(await put(small.app, eve, [first, leafBlob()])).toBe('es');
    expect(ownedBytesOf(small, eve)).toBe(2 * first.blob.length);
    await small.close();
  });

  test.each(['removed', 'cut short'])('a pack that was %s is found out, and any owner heals it', async (harm) => {
    const blobs = [leafBlob(), leafBlob()];
    await put(daemon.app, ann, blobs);
    const [pack = ''] = (await filesOf(daemon.dataDir)).packs;
    daemon.services.packReader.close();
    await (harm === 'removed' ? rm(pack) : truncate(pack, 100));
    expect(await claim(daemon.app, bob, blobs)).toBe('mm');
    expect((await query(daemon.app, ann, blobs)).states).toBe('mm');
    expect(await errorOf(await putStream(daemon.app, ann, streamOf([nodeBlob(blobs)])))).toBe('409 children-missing');
    expect(await put(daemon.app, bob, blobs)).toBe('ss');
    expect((await query(daemon.app, ann, blobs)).states).toBe('oo');
    expect(await put(daemon.app, ann, [nodeBlob(blobs)])).toBe('s');
    expect(ownedBytesOf(daemon, bob)).toBe(blobs.reduce((sum, { blob }) => sum + blob.length, 0));
  });
});
