// takeTurn and getHead (docs/protocol.md): where the log ends, and a while in which one writer alone goes on there.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toBase64 } from '../../../src/protocol/bytes.js';
import { parseLogHead, parseTakeTurnResponse, type TakeTurnResponse } from '../../../src/protocol/messages.js';
import { leafBlob, type TestBlob } from '../../helpers/blobs.js';
import {
  errorOf,
  openTestDaemon,
  put,
  send,
  sendJson,
  type TestCaller,
  type TestDaemon,
} from '../../helpers/daemon-fixture.js';
import { LogChain, testNames } from '../../helpers/log-chain.js';

let daemon: TestDaemon;
let ann: TestCaller;
let root: TestBlob;
let log: LogChain;

beforeEach(async () => {
  daemon = await openTestDaemon();
  ann = daemon.addCaller('ann');
  root = leafBlob();
  await put(daemon.app, ann, [root]);
  log = await new LogChain(daemon.app, ann).begin();
});

afterEach(() => daemon.close());

const ask = (caller: TestCaller | undefined, body: unknown = {}) => sendJson(daemon.app, caller, '/v1/log/turn', body);

async function turnOf(answer: Promise<Response>): Promise<TakeTurnResponse> {
  return parseTakeTurnResponse(await (await answer).json());
}

function push(turn?: string): Promise<Response> {
  const { request, hash } = log.sign(log.session, { op: 'push', namePath: testNames.pathOf('a'), root: root.id });
  return log.send({ request: turn === undefined ? request : { ...request, turn }, hash });
}

describe('takeTurn', () => {
  test('gives the head, and until it is used nobody else appends', async () => {
    const { turn, seq, hash } = await turnOf(ask(ann));
    expect([seq, hash]).toEqual([1, toBase64(log.hash)]);
    expect(await errorOf(await push())).toBe('409 conflict');
    expect(await errorOf(await push('0'.repeat(32)))).toBe('409 conflict');
    expect((await push(turn)).status).toBe(200);
    // Used up: with it or without, it is anybody's again.
    expect((await push()).status).toBe(200);
    expect((await push(turn)).status).toBe(200);
  });

  test('answers the next one when the turn before was used, with the head of then', async () => {
    const first = await turnOf(ask(ann));
    const next = turnOf(ask(daemon.addSession(ann)));
    await push(first.turn);
    expect(await next).toMatchObject({ seq: 2, hash: toBase64(log.hash) });
  });

  test('a turn that brings a wrong entry is not used up by it', async () => {
    const { turn } = await turnOf(ask(ann));
    const { request, hash } = log.sign(log.session, { op: 'delete', targetSeq: 1 });
    expect(await errorOf(await log.send({ request: { ...request, turn }, hash }))).toBe('404 not-found');
    expect(await errorOf(await push())).toBe('409 conflict');
    expect((await push(turn)).status).toBe(200);
  });

  test('holds up nobody at another vault', async () => {
    await turnOf(ask(ann));
    const bob = daemon.addCaller('bob');
    await new LogChain(daemon.app, bob).begin();
    expect(await turnOf(ask(bob))).toMatchObject({ seq: 1 });
  });

  test('is there for tokens that can only push', async () => {
    const token = await log.addToken({ isPushOnly: true }, 'ci/');
    expect(await turnOf(ask(token.caller))).toMatchObject({ seq: 2, hash: toBase64(log.hash) });
  });

  test('refuses strangers, revoked tokens and any other body', async () => {
    expect(await errorOf(await ask(undefined))).toBe('401 unauthenticated');
    const token = await log.addToken({});
    await log.send(log.sign(log.identity, { op: 'revoke', targetSeqs: [2] }));
    expect(await errorOf(await ask(token.caller))).toBe('401 token-revoked');
    for (const body of [null, [], 7, { turn: 'x' }, 'a'])
      expect(await errorOf(await ask(ann, body))).toBe('400 malformed');
    // None of them took a turn.
    expect((await push()).status).toBe(200);
  });

  test('a malformed turn is refused with the entry that has it', async () => {
    for (const turn of ['', 'x'.repeat(100_000)]) {
      expect(await errorOf(await push(turn))).toBe('400 malformed');
    }
  });
});

describe('getHead', () => {
  const head = async (caller: TestCaller) =>
    parseLogHead(await (await send(daemon.app, 'GET', '/v1/log/head', { caller })).json());

  test('is nothing while the log is empty, and then the last entry', async () => {
    expect(await head(daemon.addCaller('bob'))).toEqual({ seq: 0, hash: toBase64(new Uint8Array(32)) });
    expect(await head(ann)).toEqual({ seq: 1, hash: toBase64(log.hash) });
    await push();
    expect(await head(ann)).toEqual({ seq: 2, hash: toBase64(log.hash) });
  });

  test('is told to callers alone', async () => {
    expect(await errorOf(await send(daemon.app, 'GET', '/v1/log/head'))).toBe('401 unauthenticated');
  });
});
