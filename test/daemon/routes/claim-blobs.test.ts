// claimBlobs (docs/protocol.md): a right proof makes an owner, everything else means "please upload".
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { concatBytes, toBase64 } from '../../../src/protocol/bytes.js';
import { possessionTtlMs, queryIdsMax } from '../../../src/protocol/limits.js';
import { leafBlob, nodeBlob } from '../../helpers/blobs.js';
import {
  claim,
  claimWith,
  errorOf,
  openTestDaemon,
  ownedBytesOf,
  proofOf,
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

describe('claimBlobs', () => {
  test('right proofs make an owner, of blobs hashed whole and in slices', async () => {
    const blobs = [leafBlob(), leafBlob(5_000), leafBlob(2_000_000)];
    await put(daemon.app, ann, blobs);
    expect(await claim(daemon.app, bob, blobs)).toBe('ooo');
    expect((await query(daemon.app, bob, blobs)).states).toBe('ooo');
    expect(ownedBytesOf(daemon, bob)).toBe(ownedBytesOf(daemon, ann));
    expect(await claim(daemon.app, bob, [...blobs, ...blobs])).toBe('oooooo');
    expect(ownedBytesOf(daemon, bob)).toBe(ownedBytesOf(daemon, ann));
  });

  test('hundreds of blobs in several packs are proven in one batch', async () => {
    const blobs = Array.from({ length: 600 }, () => leafBlob());
    await put(daemon.app, ann, blobs.slice(0, 300));
    await put(daemon.app, ann, blobs.slice(300));
    const shuffled = blobs.map((_, i) => blobs[(i * 7) % blobs.length] ?? leafBlob());
    expect(await claim(daemon.app, bob, [leafBlob(), ...shuffled])).toBe(`m${'o'.repeat(600)}`);
  });

  test('a wrong proof owns nothing and does no harm to its neighbours', async () => {
    const [right, wrong] = [leafBlob(), leafBlob()];
    await put(daemon.app, ann, [right, wrong]);
    const { nonce } = await query(daemon.app, bob, [right, wrong]);
    const raw = Buffer.from(nonce, 'base64url');
    const proof = proofOf(raw, bob.vaultId, wrong);
    proof[15] = (proof[15] ?? 0) ^ 1;
    const proofs = concatBytes(wrong.id, proof, right.id, proofOf(raw, bob.vaultId, right));
    const answer = await sendJson(daemon.app, bob, '/v1/blobs/claim', { nonce, proofs: toBase64(proofs) });
    expect(await answer.json()).toEqual({ states: 'mo' });
    expect((await query(daemon.app, bob, [right, wrong])).states).toBe('oc');
  });

  test('a proof made for another vault is worth nothing', async () => {
    const blob = leafBlob();
    await put(daemon.app, ann, [blob]);
    const { nonce } = await query(daemon.app, bob, [blob]);
    const proof = proofOf(Buffer.from(nonce, 'base64url'), ann.vaultId, blob);
    const proofs = toBase64(concatBytes(blob.id, proof));
    expect(await (await sendJson(daemon.app, bob, '/v1/blobs/claim', { nonce, proofs })).json()).toEqual({
      states: 'm',
    });
  });

  test("another vault's nonce, an invented one and an expired one are refused", async () => {
    const blob = leafBlob();
    await put(daemon.app, ann, [blob]);
    const { nonce: anns } = await query(daemon.app, ann, [blob]);
    expect(await errorOf(await claimWith(daemon.app, bob, anns, [blob]))).toBe('403 challenge-invalid');
    for (const invented of [new Uint8Array(56), new Uint8Array(0), new Uint8Array(57)]) {
      expect(await errorOf(await claimWith(daemon.app, bob, toBase64(invented), [blob]))).toBe('403 challenge-invalid');
    }
    const { nonce } = await query(daemon.app, bob, [blob]);
    daemon.clock.nowMs += possessionTtlMs + 1;
    expect(await errorOf(await claimWith(daemon.app, bob, nonce, [blob]))).toBe('403 challenge-expired');
    daemon.clock.nowMs -= 1;
    expect((await claimWith(daemon.app, bob, nonce, [blob])).status).toBe(200);
  });

  test('a node is claimed only with all its children, and children come first', async () => {
    const [a, b] = [leafBlob(), leafBlob()];
    const node = nodeBlob([a, b]);
    const root = nodeBlob([node]);
    await put(daemon.app, ann, [a, b, node, root]);
    expect(await claim(daemon.app, bob, [node])).toBe('m');
    expect(await claim(daemon.app, bob, [node, a])).toBe('mo');
    expect(await claim(daemon.app, bob, [root, node, b])).toBe('mmo');
    expect(await claim(daemon.app, bob, [node, root])).toBe('oo');
    const eve = daemon.addCaller('eve');
    expect(await claim(daemon.app, eve, [a, b, node, root])).toBe('oooo');
  });

  test('a node does not ride on a child whose proof failed', async () => {
    const child = leafBlob();
    const node = nodeBlob([child]);
    await put(daemon.app, ann, [child, node]);
    const { nonce } = await query(daemon.app, bob, [child, node]);
    const right = proofOf(Buffer.from(nonce, 'base64url'), bob.vaultId, node);
    const proofs = toBase64(concatBytes(child.id, new Uint8Array(16), node.id, right));
    expect(await (await sendJson(daemon.app, bob, '/v1/blobs/claim', { nonce, proofs })).json()).toEqual({
      states: 'mm',
    });
  });

  test('the quota holds for claims', async () => {
    const blob = leafBlob();
    const small = await openTestDaemon({ quotaBytes: blob.blob.length });
    const [one, two] = [small.addCaller('one'), small.addCaller('two')];
    const other = leafBlob();
    await put(small.app, one, [blob]);
    await put(small.app, small.addCaller('three'), [other]);
    expect(await claim(small.app, two, [blob])).toBe('o');
    const { nonce } = await query(small.app, two, [other]);
    expect(await errorOf(await claimWith(small.app, two, nonce, [other]))).toBe('507 quota-exceeded');
    expect(ownedBytesOf(small, two)).toBe(blob.blob.length);
    await small.close();
  });

  test('proofs that are no runs of 48 bytes, or too many, are refused', async () => {
    const { nonce } = await query(daemon.app, bob, []);
    for (const lengthBytes of [47, 49, 48 * (queryIdsMax + 1)]) {
      const proofs = toBase64(new Uint8Array(lengthBytes));
      const answer = await sendJson(daemon.app, bob, '/v1/blobs/claim', { nonce, proofs });
      expect(await errorOf(answer)).toMatch(/malformed|too-large/);
    }
    const full = toBase64(new Uint8Array(48 * queryIdsMax));
    const answer = await sendJson(daemon.app, bob, '/v1/blobs/claim', { nonce, proofs: full });
    expect(await answer.json()).toEqual({ states: 'm'.repeat(queryIdsMax) });
  });
});
