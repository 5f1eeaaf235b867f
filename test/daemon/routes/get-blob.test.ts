// getBlob (docs/protocol.md): owners only, never wrong bytes.
import { open } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blobs as blobRows } from '../../../src/daemon/db/schema.js';
import { toHex } from '../../../src/protocol/bytes.js';
import { leafBlob, type TestBlob } from '../../helpers/blobs.js';
import {
  errorOf,
  filesOf,
  openTestDaemon,
  put,
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

function get(caller: TestCaller | undefined, { id }: TestBlob): Promise<Response> {
  return send(daemon.app, 'GET', `/v1/blobs/${toHex(id)}`, { caller });
}

describe('getBlob', () => {
  test('gives an owner the bytes', async () => {
    const blob = leafBlob(50_000);
    await put(daemon.app, ann, [leafBlob(), blob]);
    const response = await get(ann, blob);
    expect(Buffer.from(await response.arrayBuffer()).equals(blob.blob)).toBe(true);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test('a blob of another vault answers word for word like one that nobody has', async () => {
    const theirs = leafBlob();
    await put(daemon.app, bob, [theirs]);
    const foreign = await get(ann, theirs);
    const absent = await get(ann, leafBlob());
    expect([foreign.status, await foreign.text()]).toEqual([absent.status, await absent.text()]);
    expect(foreign.status).toBe(404);
  });

  test('a flipped bit is noticed, not sent, and healed by the next upload', async () => {
    const blob = leafBlob();
    await put(daemon.app, ann, [blob]);
    const [pack = ''] = (await filesOf(daemon.dataDir)).packs;
    const [row] = daemon.services.database.orm.select().from(blobRows).all();
    const handle = await open(pack, 'r+');
    await handle.write(Uint8Array.of((blob.blob[600] ?? 0) ^ 1), 0, 1, (row?.offsetBytes ?? 0) + 600);
    await handle.close();
    expect(await errorOf(await get(ann, blob))).toBe('404 not-found');
    expect((await query(daemon.app, ann, [blob])).states).toBe('m');
    expect(await put(daemon.app, ann, [blob])).toBe('s');
    expect((await get(ann, blob)).status).toBe(200);
  });

  test('needs a session and a blob id', async () => {
    expect(await errorOf(await get(undefined, leafBlob()))).toBe('401 unauthenticated');
    for (const id of ['abc', 'A'.repeat(64), `${'a'.repeat(64)}b`, '%00', '..%2f..']) {
      expect(await errorOf(await send(daemon.app, 'GET', `/v1/blobs/${id}`, { caller: ann }))).toBe('400 malformed');
    }
  });
});
