// Who knows only ids gets nothing: no blob, no ownership, and no hint whether a blob is there at all.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DaemonApi } from '../../src/client/daemon-api.js';
import { encodeBlobRecord } from '../../src/protocol/blob-stream.js';
import { concatBytes, fromBase64, fromHex, toBase64, toHex } from '../../src/protocol/bytes.js';
import { possessionProof, possessionSlices } from '../../src/protocol/possession.js';
import { nodeBlob } from '../helpers/blobs.js';
import { apiOf, credentialOf, freeGrant } from '../helpers/daemon-api.js';
import { readAt, readBlobs, type StoredBlob } from '../helpers/data-dir.js';
import { Daemon, type Machine, machineOf, makeTempDir, removeTempDirs } from '../helpers/programs.js';

let daemon: Daemon;
let owner: Machine;
let thief: Machine;
let ownerApi: DaemonApi;
let thiefApi: DaemonApi;
let blobs: StoredBlob[];

beforeAll(async () => {
  daemon = await Daemon.start();
  const tree = makeTempDir();
  for (const size of [10, 5000, 200_000, 3_000_000]) writeFileSync(join(tree, String(size)), randomBytes(size));
  owner = await machineOf(daemon, 'owner', 'register');
  await owner.summary(['push', tree, '--name', 'secret']);
  blobs = readBlobs(daemon.dataDir, 'owner');
  thief = await machineOf(daemon, 'thief', 'register');
  ownerApi = await apiOf(owner);
  thiefApi = await apiOf(thief);
});

afterAll(async () => {
  await Promise.all([ownerApi.close(), thiefApi.close()]);
  await daemon.stop();
  removeTempDirs();
});

const absentIds = () => blobs.map(() => new Uint8Array(randomBytes(32)));
const ids = () => blobs.map(({ id }) => id);

async function rawGet(id: Uint8Array): Promise<{ status: number; body: string; headers: string[] }> {
  const response = await fetch(`${daemon.url}/v1/blobs/${toHex(id)}`, {
    headers: { authorization: `Bearer ${credentialOf(thief).sessionSecret}` },
  });
  const headers = [...response.headers].filter(([name]) => name !== 'date').map(([name, value]) => `${name}: ${value}`);
  return { status: response.status, body: await response.text(), headers };
}

async function claim(slicesOf: (blob: StoredBlob, nonce: Uint8Array) => Uint8Array, vaultId?: string): Promise<string> {
  const { nonce: nonceText } = await thiefApi.queryBlobs(await freeGrant(thiefApi, 'query'), ids());
  const nonce = fromBase64(nonceText);
  const vault = fromHex(vaultId ?? credentialOf(thief).vaultId);
  const proofs = blobs.map((blob) => [blob.id, possessionProof(nonce, vault, blob.id, slicesOf(blob, nonce))]).flat();
  return (await thiefApi.claimBlobs({ nonce: nonceText, proofs: toBase64(concatBytes(...proofs)) }, blobs.length))
    .states;
}

function trueSlices(blob: StoredBlob, nonce: Uint8Array): Uint8Array {
  const slices = possessionSlices(nonce, blob.id, blob.length);
  return concatBytes(...slices.map(({ offset, length }) => readAt(blob.packPath, blob.offset + offset, length)));
}

describe('an account that knows the ids of another one', () => {
  test('there is something to steal, and its owner gets it', async () => {
    expect(blobs.length).toBeGreaterThanOrEqual(5);
    expect((await ownerApi.fetchBlobs(ids())).every((blob) => blob !== undefined)).toBe(true);
    expect((await ownerApi.getBlob(ids()[0] ?? new Uint8Array())).length).toBe(blobs[0]?.length);
  });

  test('fetches none of them, one by one or many at once', async () => {
    expect((await thiefApi.fetchBlobs(ids())).every((blob) => blob === undefined)).toBe(true);
    for (const id of ids()) await expect(thiefApi.getBlob(id)).rejects.toMatchObject({ code: 'not-found' });
  });

  test('cannot tell a foreign blob from one that does not exist', async () => {
    const [foreign = new Uint8Array()] = ids();
    const [absent = new Uint8Array()] = absentIds();
    const answer = await rawGet(foreign);
    expect(answer.status).toBe(404);
    expect(await rawGet(absent)).toEqual(answer);
    const fetched = async (wanted: Uint8Array[]) => (await thiefApi.fetchBlobs(wanted)).map((blob) => blob?.length);
    expect(await fetched(ids())).toEqual(await fetched(absentIds()));
  });

  test.each<[string, (blob: StoredBlob, nonce: Uint8Array) => Uint8Array]>([
    ['nothing', () => new Uint8Array()],
    ['zeros', (blob, nonce) => new Uint8Array(trueSlices(blob, nonce).length)],
    // Short blobs are proved whole, whatever the nonce is.
    [
      'slices for another nonce',
      (blob) => (blob.length > 4096 ? trueSlices(blob, new Uint8Array(32)) : new Uint8Array()),
    ],
    ['one wrong bit', (blob, nonce) => trueSlices(blob, nonce).map((byte, at) => (at === 9 ? byte ^ 1 : byte))],
  ])('claims none of them with %s', async (_what, slicesOf) => {
    expect(await claim(slicesOf)).toBe('m'.repeat(blobs.length));
    expect((await thiefApi.fetchBlobs(ids())).every((blob) => blob === undefined)).toBe(true);
  });

  test("claims none of them with a proof that the owner's vault made, nor with the owner's nonce", async () => {
    expect(await claim(trueSlices, credentialOf(owner).vaultId)).toBe('m'.repeat(blobs.length));
    const { nonce } = await ownerApi.queryBlobs(await freeGrant(ownerApi, 'query'), ids());
    const [blob] = blobs;
    if (blob === undefined) throw new Error('no blob');
    const vaultId = fromHex(credentialOf(thief).vaultId);
    const proof = possessionProof(fromBase64(nonce), vaultId, blob.id, trueSlices(blob, fromBase64(nonce)));
    const request = { nonce, proofs: toBase64(concatBytes(blob.id, proof)) };
    const states = await thiefApi.claimBlobs(request, 1).then(({ states: letters }) => letters, String);
    expect(states).not.toBe('o');
    expect(await thiefApi.fetchBlobs([blob.id])).toEqual([undefined]);
  });

  test('stores no node above them, so no snapshot of its own can hold them', async () => {
    const children = ids().map((id) => ({ id, blob: new Uint8Array() }));
    const node = nodeBlob(children);
    const stored = thiefApi.putBlobs(await freeGrant(thiefApi, 'upload'), [encodeBlobRecord(node)]);
    await expect(stored).rejects.toMatchObject({ code: 'children-missing' });
  });

  test('owns what it proves to have, and then fetches it: the refusals above are not refusals of everything', async () => {
    const states = await claim(trueSlices);
    expect(states).toBe(blobs.map(({ isNode }) => (isNode ? states.charAt(states.length - 1) : 'o')).join(''));
    const fetched = await thiefApi.fetchBlobs(ids());
    expect(fetched.filter((blob) => blob !== undefined).length).toBeGreaterThanOrEqual(4);
  });
});
