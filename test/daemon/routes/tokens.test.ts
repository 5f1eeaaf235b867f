// Tokens at the daemon (docs/protocol.md, "Tokens"): each refusal has its own code, and it is the daemon that refuses.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { alonePolicy, createDaemonApp } from '../../../src/daemon/daemon-app.js';
import { tokens as tokenRows } from '../../../src/daemon/db/schema.js';
import { fromBase64, toBase64, toHex } from '../../../src/protocol/bytes.js';
import { scopes } from '../../../src/protocol/certificate.js';
import { tokensMax } from '../../../src/protocol/limits.js';
import { parseGetTokenResponse, parseLogHead, parseReadLogResponse } from '../../../src/protocol/messages.js';
import { idsOf, leafBlob, type TestBlob } from '../../helpers/blobs.js';
import {
  claim,
  errorOf,
  openTestDaemon,
  put,
  putStream,
  query,
  send,
  sendJson,
  type TestCaller,
  type TestDaemon,
} from '../../helpers/daemon-fixture.js';
import { LogChain, newSigner, type TestToken, testNames } from '../../helpers/log-chain.js';

let daemon: TestDaemon;
let ann: TestCaller;
let log: LogChain;

beforeEach(async () => {
  daemon = await openTestDaemon();
  ann = daemon.addCaller('ann');
  log = await new LogChain(daemon.app, ann).begin();
});

afterEach(() => daemon.close());

function pushAs({ caller, signer }: TestToken, name: string, root: TestBlob): Promise<Response> {
  const change = { op: 'push', namePath: testNames.pathOf(name), root: root.id } as const;
  return log.send(log.sign(signer, change, new Uint8Array(20)), caller);
}

const get = (caller: TestCaller, path: string) => send(daemon.app, 'GET', path, { caller });

describe('a token that can only push', () => {
  let token: TestToken;
  let blob: TestBlob;

  beforeEach(async () => {
    token = await log.addToken({ isPushOnly: true }, 'ci/');
    blob = leafBlob();
    expect(await put(daemon.app, token.caller, [blob])).toBe('s');
  });

  test('pushes, and its snapshot is the vault’s', async () => {
    expect((await pushAs(token, 'ci/build', blob)).status).toBe(200);
    expect(await query(daemon.app, ann, [blob])).toMatchObject({ states: 'o' });
    expect((await get(ann, `/v1/blobs/${toHex(blob.id)}`)).status).toBe(200);
    expect(parseLogHead(await (await get(token.caller, '/v1/log/head')).json())).toEqual({
      seq: 3,
      hash: toBase64(log.hash),
    });
  });

  test('reads nothing, what it has pushed itself included', async () => {
    await pushAs(token, 'ci/build', blob);
    const { caller } = token;
    expect(await errorOf(await get(caller, `/v1/blobs/${toHex(blob.id)}`))).toBe('403 token-pull-refused');
    const fetched = sendJson(daemon.app, caller, '/v1/blobs/fetch', { ids: toBase64(idsOf([blob])) });
    expect(await errorOf(await fetched)).toBe('403 token-pull-refused');
    expect(await errorOf(await get(caller, '/v1/log'))).toBe('403 token-list-refused');
  });

  test('deletes nothing, and writes over nothing', async () => {
    await pushAs(token, 'ci/build', blob);
    const deletion = log.sign(token.signer, { op: 'delete', targetSeq: 3 });
    expect(await errorOf(await log.send(deletion, token.caller))).toBe('403 token-delete-refused');
    const change = { op: 'push', namePath: testNames.pathOf('ci/build'), root: blob.id } as const;
    const over = log.sign(token.signer, change, new Uint8Array(1), { seq: 3 });
    expect(await errorOf(await log.send(over, token.caller))).toBe('409 conflict');
  });

  test.each(['laptop', 'ci', 'ci-evil/build', 'c', 'prod/ci/build'])('does not push to %s', async (name) => {
    expect(await errorOf(await pushAs(token, name, blob))).toBe('403 token-name-refused');
  });

  test('writes no certificate, and nothing with the key of another', async () => {
    const other = await log.addToken({ isPushOnly: true }, 'ci/');
    const change = { op: 'push', namePath: testNames.pathOf('ci/build'), root: blob.id } as const;
    const asOther = log.sign(other.signer, change);
    expect(await errorOf(await log.send(asOther, token.caller))).toBe('403 author-refused');
    const certificate = { ...token.certificate, publicKey: newSigner().publicKey };
    const certify = log.sign(token.signer, { op: 'certify', certificate });
    expect(await errorOf(await log.send(certify, token.caller))).toBe('403 token-account-refused');
    const revoke = log.sign(token.signer, { op: 'revoke', targetSeqs: [1] });
    expect(await errorOf(await log.send(revoke, token.caller))).toBe('403 token-account-refused');
  });

  test('learns nothing of what its vault or another token has', async () => {
    const theirs = leafBlob();
    await put(daemon.app, ann, [theirs]);
    const other = await log.addToken({ isPushOnly: true });
    // What the vault owns looks like what any stranger owns; what nobody has is missing.
    expect((await query(daemon.app, token.caller, [theirs, blob, leafBlob()])).states).toBe('com');
    expect((await query(daemon.app, other.caller, [theirs, blob])).states).toBe('cc');
    expect(await claim(daemon.app, other.caller, [blob])).toBe('o');
    expect((await query(daemon.app, other.caller, [blob])).states).toBe('o');
    expect((await query(daemon.app, ann, [blob])).states).toBe('c');
  });

  test('needs all of its snapshot stored by itself', async () => {
    const theirs = leafBlob();
    await put(daemon.app, ann, [theirs]);
    expect(await errorOf(await pushAs(token, 'ci/build', theirs))).toBe('409 root-missing');
  });

  test('does not act for its account', async () => {
    const { app } = await createDaemonApp(daemon.services, alonePolicy);
    const asked = [
      ['GET', '/v1/tokens'],
      ['GET', '/v1/account'],
      ['DELETE', '/v1/sessions/current'],
    ] as const;
    for (const [method, path] of asked) {
      expect(await errorOf(await send(app, method, path, { caller: token.caller }))).toBe('403 token-account-refused');
    }
  });
});

describe('a token', () => {
  test.each([
    ['push', '403 token-push-refused'],
    ['forget', '403 token-delete-refused'],
  ] as const)('without the scope %s is refused what needs it', async (missing, code) => {
    const token = await log.addToken({ scopes: scopes.filter((scope) => scope !== missing) });
    const blob = leafBlob();
    await put(daemon.app, ann, [blob]);
    const change =
      missing === 'push'
        ? ({ op: 'push', namePath: testNames.pathOf('a'), root: blob.id } as const)
        : ({ op: 'delete', targetSeq: 1 } as const);
    expect(await errorOf(await log.send(log.sign(token.signer, change), token.caller))).toBe(code);
    const upload = await putStream(daemon.app, token.caller, new Uint8Array());
    expect(upload.status).toBe(missing === 'push' ? 403 : 200);
  });

  test('that may list and pull reads its prefix, and of other names the chain alone', async () => {
    const token = await log.addToken({ scopes: ['list', 'pull'] }, 'ci');
    const blob = leafBlob();
    await put(daemon.app, ann, [blob]);
    for (const name of ['laptop', 'ci', 'ci/a', 'cix']) {
      const change = { op: 'push', namePath: testNames.pathOf(name), root: blob.id } as const;
      await log.send(log.sign(log.session, change, new Uint8Array(Buffer.from(name))));
    }
    const { entries } = parseReadLogResponse(await (await get(token.caller, '/v1/log')).json());
    const bodies = entries.map(({ body }) => body && Buffer.from(fromBase64(body)).toString());
    expect(bodies).toEqual([null, null, null, 'ci', 'ci/a', null]);
    expect((await get(token.caller, `/v1/blobs/${toHex(blob.id)}`)).status).toBe(200);
  });

  test('that may forget deletes within its prefix', async () => {
    const token = await log.addToken({ scopes: ['forget'] }, 'ci/');
    const blob = leafBlob();
    await put(daemon.app, ann, [blob]);
    for (const name of ['ci/a', 'laptop']) {
      await log.send(log.sign(log.session, { op: 'push', namePath: testNames.pathOf(name), root: blob.id }));
    }
    const remove = (targetSeq: number) => log.send(log.sign(token.signer, { op: 'delete', targetSeq }), token.caller);
    expect(await errorOf(await remove(4))).toBe('403 token-name-refused');
    expect((await remove(3)).status).toBe(200);
  });

  test('ends at its time, by the daemon’s clock', async () => {
    const token = await log.addToken({ expiresAtMs: daemon.clock.nowMs + 1000 });
    daemon.clock.nowMs += 999;
    expect((await get(token.caller, '/v1/token')).status).toBe(200);
    daemon.clock.nowMs += 1;
    expect(await errorOf(await get(token.caller, '/v1/token'))).toBe('401 token-expired');
  });

  test('ends at once when it is revoked', async () => {
    const token = await log.addToken({});
    const revoke = log.sign(log.identity, { op: 'revoke', targetSeqs: [2] });
    expect((await log.send(revoke)).status).toBe(200);
    for (const path of ['/v1/token', '/v1/log/head']) {
      expect(await errorOf(await get(token.caller, path))).toBe('401 token-revoked');
    }
    expect(await errorOf(await putStream(daemon.app, token.caller, new Uint8Array()))).toBe('401 token-revoked');
  });

  test('stores to its quota and not a byte more', async () => {
    const blobs = [leafBlob(), leafBlob()] as const;
    const bytes = blobs[0].blob.length + blobs[1].blob.length;
    const exact = await log.addToken({ quotaBytes: bytes, isPushOnly: true });
    expect(await put(daemon.app, exact.caller, blobs)).toBe('ss');
    const short = await log.addToken({ quotaBytes: bytes - 1, isPushOnly: true });
    const { nonce } = await query(daemon.app, short.caller, blobs);
    expect(nonce).toBeTruthy();
    await expect(claim(daemon.app, short.caller, blobs)).rejects.toThrow();
    expect(await claim(daemon.app, short.caller, blobs.slice(0, 1))).toBe('o');
    const state = parseGetTokenResponse(await (await get(short.caller, '/v1/token')).json());
    expect([state.usedBytes, state.quotaBytes]).toEqual([blobs[0].blob.length, bytes - 1]);
  });

  test('beyond the last one a vault has no more', async () => {
    await log.addToken({});
    const { orm } = daemon.services.database;
    const [row] = orm.select().from(tokenRows).all();
    if (row === undefined) throw new Error('no token');
    for (let made = 1; made < tokensMax; made += 1) {
      const tokenId = made.toString(16).padStart(32, '0');
      orm
        .insert(tokenRows)
        .values({ ...row, tokenId, secretHash: Buffer.from(tokenId) })
        .run();
    }
    await expect(log.addToken({})).rejects.toThrow('too-large');
  });
});
