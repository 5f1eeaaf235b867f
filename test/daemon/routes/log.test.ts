// appendLog and readLog (docs/protocol.md): one chain, one winner, complete snapshots, pages.
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findLogEntry } from '../../../src/daemon/db/log-entries.js';
import { blobs as blobRows } from '../../../src/daemon/db/schema.js';
import { toBase64 } from '../../../src/protocol/bytes.js';
import { scopes } from '../../../src/protocol/certificate.js';
import { logBodyBytesMax, logEntriesMax, namePartBytes, namePartsMax } from '../../../src/protocol/limits.js';
import type { LogEntry } from '../../../src/protocol/log-entry.js';
import { parseAppendLogResponse, parseReadLogResponse, type ReadLogResponse } from '../../../src/protocol/messages.js';
import { leafBlob, type TestBlob } from '../../helpers/blobs.js';
import { errorOf, openTestDaemon, put, send, type TestCaller, type TestDaemon } from '../../helpers/daemon-fixture.js';
import { LogChain, newSigner, type SignedRequest, testNames } from '../../helpers/log-chain.js';

let daemon: TestDaemon;
let ann: TestCaller;
let bob: TestCaller;
let root: TestBlob;
let log: LogChain;

beforeEach(async () => {
  daemon = await openTestDaemon();
  ann = daemon.addCaller('ann');
  bob = daemon.addCaller('bob');
  root = leafBlob();
  await put(daemon.app, ann, [root]);
  log = await new LogChain(daemon.app, ann).begin();
});

afterEach(() => daemon.close());

const namePath = testNames.pathOf('laptop/home');

function push(other: Partial<LogEntry> = {}, body: Uint8Array = randomBytes(200), id = root.id): SignedRequest {
  return log.sign(log.session, { op: 'push', namePath, root: id }, new Uint8Array(body), other);
}

function deletion(targetSeq: number, other: Partial<LogEntry> = {}): SignedRequest {
  return log.sign(log.session, { op: 'delete', targetSeq }, new Uint8Array(), other);
}

async function read(caller: TestCaller, query = ''): Promise<ReadLogResponse> {
  const response = await send(daemon.app, 'GET', `/v1/log${query}`, { caller });
  return parseReadLogResponse(await response.json());
}

describe('appendLog', () => {
  test('adds entries to the chain, numbers them by name and gives them back as they came', async () => {
    const first = push();
    expect(parseAppendLogResponse(await (await log.send(first)).json())).toMatchObject({ seq: 2, version: 1 });
    daemon.clock.nowMs += 1000;
    const second = push();
    const answer = parseAppendLogResponse(await (await log.send(second)).json());
    expect([answer.version, Date.parse(answer.receivedAt)]).toEqual([2, daemon.clock.nowMs]);
    const other = log.sign(log.session, { op: 'push', namePath: testNames.pathOf('laptop'), root: root.id });
    expect(parseAppendLogResponse(await (await log.send(other)).json()).version).toBe(1);
    const stored = await read(ann);
    expect(stored.headSeq).toBe(4);
    expect(stored.entries.slice(1).map(({ entry, signature, body }) => ({ entry, signature, body }))).toEqual(
      [first, second, other].map(({ request }) => request),
    );
    expect(await read(bob)).toEqual({ headSeq: 0, entries: [] });
  });

  test('of two writers at one place one wins and the other is told of the conflict', async () => {
    const [one, two] = [push(), push()];
    const answers = await Promise.all([log.send(one), log.send(two)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect((await read(ann)).headSeq).toBe(2);
  });

  test('the very same entry sent again is answered the same, while it is the head', async () => {
    const first = push();
    const answer = await (await log.send(first)).text();
    daemon.clock.nowMs += 60_000;
    expect(await (await log.send(first)).text()).toBe(answer);
    log.seq = 2;
    await log.send(push());
    expect(await errorOf(await log.send(first))).toBe('409 conflict');
    const removal = deletion(2);
    await log.send(removal);
    expect((await log.send(removal)).status).toBe(200);
    expect((await read(ann)).headSeq).toBe(4);
  });

  test('an entry that does not follow the head is a conflict', async () => {
    await log.send(push());
    const cases = [push({ seq: 4 }), push({ previousHash: new Uint8Array(32) }), push({ seq: 2 }), push({ seq: 1 })];
    for (const entry of cases) expect(await errorOf(await log.send(entry))).toBe('409 conflict');
  });

  test('a snapshot needs its root, owned by this vault and undamaged', async () => {
    const theirs = leafBlob();
    await put(daemon.app, bob, [theirs]);
    for (const { id } of [theirs, leafBlob()]) {
      expect(await errorOf(await log.send(push({}, randomBytes(9), id)))).toBe('409 root-missing');
    }
    daemon.services.database.orm.update(blobRows).set({ damaged: true }).run();
    expect(await errorOf(await log.send(push()))).toBe('409 root-missing');
  });

  test('other vaults, other authors, other signatures and other bodies are refused', async () => {
    const good = push();
    expect(await errorOf(await log.send(good, bob))).toBe('403 forbidden');
    const change = { op: 'push', namePath, root: root.id } as const;
    // The identity certifies others to push; it does not push itself.
    for (const signer of [newSigner(), log.identity]) {
      expect(await errorOf(await log.send(log.sign(signer, change)))).toBe('403 author-refused');
    }
    const forged = { ...good.request, signature: push().request.signature };
    expect(await errorOf(await log.send({ ...good, request: forged }))).toBe('422 signature-invalid');
    const swapped = { ...good.request, body: toBase64(randomBytes(200)) };
    expect(await errorOf(await log.send({ ...good, request: swapped }))).toBe('400 malformed');
    const trailing = { ...good.request, entry: `${good.request.entry}AA` };
    expect(await errorOf(await log.send({ ...good, request: trailing }))).toBe('400 malformed');
    expect((await read(ann)).headSeq).toBe(1);
  });

  test('only the identity certifies, and every key once', async () => {
    const certificate = {
      ...(await log.addToken({})).certificate,
      id: randomBytes(16),
      publicKey: newSigner().publicKey,
    };
    const change = { op: 'certify', certificate } as const;
    const token = { secretHash: toBase64(randomBytes(32)), bundle: toBase64(randomBytes(90)) };
    const bySession = log.sign(log.session, change);
    expect(await errorOf(await log.send(bySession, ann, token))).toBe('403 author-refused');
    const again = { ...change, certificate: { ...certificate, publicKey: log.session.publicKey } };
    expect(await errorOf(await log.send(log.sign(log.identity, again), ann, token))).toBe('403 author-refused');
    expect(await errorOf(await log.send(log.sign(log.identity, change)))).toBe('400 malformed');
    const session = { ...certificate, kind: 'session', scopes } as const;
    const forOther = log.sign(log.identity, { op: 'certify', certificate: session });
    expect(await errorOf(await log.send(forOther))).toBe('403 author-refused');
    const stray = log.sign(log.session, { op: 'push', namePath, root: root.id });
    expect(await errorOf(await log.send(stray, ann, token))).toBe('400 malformed');
    expect((await log.send(log.sign(log.identity, change), ann, token)).status).toBe(200);
  });

  test('a session signs with its own key alone', async () => {
    // The second session of the account has a certificate of its own.
    const second = daemon.addSession(ann);
    const other = new LogChain(daemon.app, second);
    Object.assign(other, { seq: log.seq, hash: log.hash });
    await other.begin();
    Object.assign(log, { seq: other.seq, hash: other.hash });
    const stolen = log.sign(log.session, { op: 'push', namePath, root: root.id });
    expect(await errorOf(await log.send(stolen, second))).toBe('403 author-refused');
    expect((await log.send(stolen)).status).toBe(200);
  });

  test('a revoked certificate ends with its session, and cannot be revoked again', async () => {
    const second = daemon.addSession(ann);
    const other = new LogChain(daemon.app, second);
    Object.assign(other, { seq: log.seq, hash: log.hash });
    await other.begin();
    Object.assign(log, { seq: other.seq, hash: other.hash });
    const revoke = () => log.sign(log.identity, { op: 'revoke', targetSeqs: [2] });
    expect((await log.send(revoke())).status).toBe(200);
    expect(await errorOf(await send(daemon.app, 'GET', '/v1/log', { caller: second }))).toBe('401 unauthenticated');
    const stale = log.sign(other.session, { op: 'push', namePath, root: root.id });
    expect(await errorOf(await log.send(stale))).toBe('403 author-refused');
    expect(await errorOf(await log.send(revoke()))).toBe('404 not-found');
  });

  test('a body of the longest length is taken, a longer one is not', async () => {
    expect((await log.send(push({}, randomBytes(logBodyBytesMax)))).status).toBe(200);
    expect(await errorOf(await log.send(push({}, randomBytes(logBodyBytesMax + 1))))).toBe('400 malformed');
  });

  test('a name of the most parts is taken, one part more or half a part is not', async () => {
    const named = (bytes: number) => log.sign(log.session, { op: 'push', namePath: randomBytes(bytes), root: root.id });
    expect((await log.send(named(namePartBytes * namePartsMax))).status).toBe(200);
    for (const bytes of [namePartBytes * (namePartsMax + 1), namePartBytes / 2, 0]) {
      expect(await errorOf(await log.send(named(bytes)))).toBe('400 malformed');
    }
  });

  test('a deletion frees the root of a live snapshot, once', async () => {
    await log.send(push());
    const rootOf = () => findLogEntry(daemon.services.database.orm, ann.vaultNo, 2)?.rootBlobNo;
    expect(rootOf()).not.toBeNull();
    expect((await log.send(deletion(2))).status).toBe(200);
    expect(rootOf()).toBeNull();
    for (const target of [1, 2, 3]) {
      expect(await errorOf(await log.send(deletion(target)))).toBe('404 not-found');
    }
    const loaded = log.sign(log.session, { op: 'delete', targetSeq: 2 }, new Uint8Array(5));
    expect(await errorOf(await log.send(loaded))).toBe('400 malformed');
  });

  test('times in the log never go backwards, whatever the clock does', async () => {
    await log.send(push());
    const before = daemon.clock.nowMs;
    daemon.clock.nowMs -= 3_600_000;
    await log.send(push());
    const times = (await read(ann)).entries.map(({ receivedAt }) => Date.parse(receivedAt));
    expect(times).toEqual([before, before, before]);
  });
});

describe('readLog', () => {
  test('gives what comes after a place, in pages of bounded number and size', async () => {
    while (log.seq < logEntriesMax + 3) {
      const body = log.seq > logEntriesMax - 20 ? randomBytes(logBodyBytesMax) : randomBytes(10);
      expect((await log.send(push({}, body))).status).toBe(200);
    }
    const seqs: number[] = [];
    for (let after = 0; ; ) {
      const page = await read(ann, `?after=${String(after)}`);
      expect(page.headSeq).toBe(logEntriesMax + 3);
      if (page.entries.length === 0) break;
      expect(page.entries.length).toBeLessThanOrEqual(logEntriesMax);
      expect(JSON.stringify(page).length).toBeLessThan(1.2 * 1024 * 1024);
      after += page.entries.length;
      seqs.push(page.entries.length);
    }
    expect(seqs.reduce((sum, count) => sum + count, 0)).toBe(logEntriesMax + 3);
    expect(seqs.length).toBeGreaterThan(2);
  });

  test('a page of small entries is as long as the limit and no longer', async () => {
    while (log.seq < logEntriesMax + 1) await log.send(push({}, randomBytes(1)));
    expect((await read(ann)).entries).toHaveLength(logEntriesMax);
    expect((await read(ann, `?after=${String(logEntriesMax)}`)).entries).toHaveLength(1);
  });

  test('any other query is malformed', async () => {
    for (const query of [
      '?after=',
      '?after=01',
      '?after=-1',
      '?after=1.0',
      '?after=1&after=2',
      '?before=1',
      '?after=1e3',
      '?after=0&x=',
      '?after=9999999999999999',
    ]) {
      expect(await errorOf(await send(daemon.app, 'GET', `/v1/log${query}`, { caller: ann }))).toBe('400 malformed');
    }
    expect((await read(ann, '?after=999999999999999')).entries).toEqual([]);
  });
});
