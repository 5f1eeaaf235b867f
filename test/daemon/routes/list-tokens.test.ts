// listTokens and getToken (docs/protocol.md): what the daemon says of tokens, to their account and to themselves.
import type { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { alonePolicy, createDaemonApp } from '../../../src/daemon/daemon-app.js';
import { toBase64, toHex } from '../../../src/protocol/bytes.js';
import {
  type ListTokensResponse,
  parseGetTokenResponse,
  parseListTokensResponse,
} from '../../../src/protocol/messages.js';
import { leafBlob } from '../../helpers/blobs.js';
import { errorOf, openTestDaemon, put, send, type TestCaller, type TestDaemon } from '../../helpers/daemon-fixture.js';
import { LogChain } from '../../helpers/log-chain.js';

let daemon: TestDaemon;
let app: Hono;
let ann: TestCaller;
let log: LogChain;

beforeEach(async () => {
  daemon = await openTestDaemon();
  ({ app } = await createDaemonApp(daemon.services, alonePolicy));
  ann = daemon.addCaller('ann');
  log = await new LogChain(daemon.app, ann).begin();
});

afterEach(() => daemon.close());

const get = (path: string, caller?: TestCaller) => send(app, 'GET', path, { caller });
const time = () => new Date(daemon.clock.nowMs).toISOString();

async function list(caller = ann): Promise<ListTokensResponse['tokens']> {
  return parseListTokensResponse(await (await get('/v1/tokens', caller)).json()).tokens;
}

describe('listTokens', () => {
  test('gives all tokens of the vault, oldest first, with what they may do and have done', async () => {
    const createdAt = time();
    const blob = leafBlob();
    const expiresAtMs = daemon.clock.nowMs + 86_400_000;
    const limited = await log.addToken({ isPushOnly: true, quotaBytes: 100_000, expiresAtMs }, 'ci/');
    const other = await log.addToken({ scopes: ['list', 'pull'] });
    daemon.clock.nowMs += 5000;
    await put(daemon.app, limited.caller, [blob]);
    await log.send(log.sign(log.identity, { op: 'revoke', targetSeqs: [3] }));
    const expiresAt = new Date(expiresAtMs).toISOString();
    expect(await list()).toEqual([
      {
        id: toHex(limited.certificate.id),
        certificateSeq: 2,
        scopes: ['push'],
        isPushOnly: true,
        createdAt,
        expiresAt,
        lastUsedAt: time(),
        quotaBytes: 100_000,
        usedBytes: blob.blob.length,
        isRevoked: false,
      },
      {
        id: toHex(other.certificate.id),
        certificateSeq: 3,
        scopes: ['list', 'pull'],
        isPushOnly: false,
        createdAt,
        expiresAt: null,
        lastUsedAt: null,
        quotaBytes: null,
        usedBytes: 0,
        isRevoked: true,
      },
    ]);
  });

  test('gives none of another vault', async () => {
    await log.addToken({});
    expect(await list(daemon.addCaller('bob'))).toEqual([]);
  });

  test('says when a token was used, to the hour', async () => {
    const { caller } = await log.addToken({});
    const used = async () => {
      await get('/v1/token', caller);
      return (await list())[0]?.lastUsedAt;
    };
    const first = time();
    expect(await used()).toBe(first);
    daemon.clock.nowMs += 3_600_000;
    expect(await used()).toBe(first);
    daemon.clock.nowMs += 1;
    expect(await used()).toBe(time());
  });

  test('is for sessions', async () => {
    const { caller } = await log.addToken({ scopes: ['push', 'list', 'pull', 'forget'] });
    expect(await errorOf(await get('/v1/tokens', caller))).toBe('403 token-account-refused');
    expect(await errorOf(await get('/v1/tokens'))).toBe('401 unauthenticated');
  });
});

describe('getToken', () => {
  test('tells a token what it is, and gives it the bundle of its own', async () => {
    const tokens = [await log.addToken({ isPushOnly: true }, 'ci/'), await log.addToken({ scopes: ['forget'] })];
    const answers = [];
    for (const { caller, certificate } of tokens) {
      const answer = parseGetTokenResponse(await (await get('/v1/token', caller)).json());
      expect(answer).toMatchObject({
        id: toHex(certificate.id),
        account: 'ann',
        vaultId: toHex(ann.vaultId),
        scopes: certificate.scopes,
        isPushOnly: certificate.isPushOnly,
        expiresAt: null,
        quotaBytes: null,
        usedBytes: 0,
      });
      answers.push(answer.bundle);
    }
    expect(new Set(answers).size).toBe(2);
    expect(answers).not.toContain(toBase64(new Uint8Array()));
  });

  test('has nothing for a session', async () => {
    expect(await errorOf(await get('/v1/token', ann))).toBe('404 not-found');
    expect(await errorOf(await get('/v1/token'))).toBe('401 unauthenticated');
  });
});
