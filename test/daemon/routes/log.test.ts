// appendLog and readLog (docs/protocol.md): one chain, one winner, complete snapshots, pages.
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findLogEntry } from '../../../src/daemon/db/log-entries.js';
import { blobs as blobRows } from '../../../src/daemon/db/schema.js';
import { sha256 } from '../../../src/protocol/blob-id.js';
import { toBase64 } from '../../../src/protocol/bytes.js';
import { logBodyBytesMax, logEntriesMax } from '../../../src/protocol/limits.js';
import { encodeLogEntry, hashLogEntry, type LogEntry, signLogEntry } from '../../../src/protocol/log-entry.js';
import {
  type AppendLogRequest,
  parseAppendLogResponse,
  parseReadLogResponse,
  type ReadLogResponse,
} from '../../../src/protocol/messages.js';
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

let daemon: TestDaemon;
let ann: TestCaller;
let bob: TestCaller;
let root: TestBlob;

beforeEach(async () => {
  daemon = await openTestDaemon();
  ann = daemon.addCaller('ann');
  bob = daemon.addCaller('bob');
  root = leafBlob();
  await put(daemon.app, ann, [root]);
});

afterEach(() => daemon.close());

const nameTag = sha256(Buffer.from('laptop/home'));

interface Signed {
  readonly request: AppendLogRequest;
  readonly hash: Uint8Array;
}

function sign(author: TestCaller, body: Uint8Array, changes: Partial<LogEntry>): Signed {
  const entry = encodeLogEntry({
    vaultId: author.vaultId,
    seq: 1,
    previousHash: new Uint8Array(32),
    op: 'push',
    nameTag,
    bodyHash: sha256(body),
    root: root.id,
    targetSeq: 0,
    author: author.identityPublicKey,
    timeMs: 1_700_000_000_000,
    ...changes,
  });
  const signature = signLogEntry(author.identityKey, entry);
  return {
    request: { entry: toBase64(entry), signature: toBase64(signature), body: toBase64(body) },
    hash: hashLogEntry(entry, signature),
  };
}

function push(changes: Partial<LogEntry> = {}, body: Uint8Array = randomBytes(200)): Signed {
  return sign(ann, body, changes);
}

function deletion(targetSeq: number, changes: Partial<LogEntry>): Signed {
  return sign(ann, new Uint8Array(0), { op: 'delete', root: new Uint8Array(0), targetSeq, ...changes });
}

function append(caller: TestCaller, { request }: Signed): Promise<Response> {
  return sendJson(daemon.app, caller, '/v1/log', request);
}

async function read(caller: TestCaller, query = ''): Promise<ReadLogResponse> {
  const response = await send(daemon.app, 'GET', `/v1/log${query}`, { caller });
  return parseReadLogResponse(await response.json());
}

describe('appendLog', () => {
  test('adds entries to the chain and gives them back as they came', async () => {
    const first = push();
    const second = push({ seq: 2, previousHash: first.hash });
    expect(parseAppendLogResponse(await (await append(ann, first)).json()).seq).toBe(1);
    daemon.clock.nowMs += 1000;
    const answer = parseAppendLogResponse(await (await append(ann, second)).json());
    expect(Date.parse(answer.receivedAt)).toBe(daemon.clock.nowMs);
    const log = await read(ann);
    expect(log.headSeq).toBe(2);
    expect(log.entries.map(({ entry, signature, body }) => ({ entry, signature, body }))).toEqual([
      first.request,
      second.request,
    ]);
    expect(await read(bob)).toEqual({ headSeq: 0, entries: [] });
  });

  test('of two writers at one place one wins and the other is told of the conflict', async () => {
    const [one, two] = [push(), push()];
    const answers = await Promise.all([append(ann, one), append(ann, two)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect((await read(ann)).headSeq).toBe(1);
  });

  test('the very same entry sent again is answered the same, while it is the head', async () => {
    const first = push();
    const answer = await (await append(ann, first)).text();
    daemon.clock.nowMs += 60_000;
    expect(await (await append(ann, first)).text()).toBe(answer);
    const second = push({ seq: 2, previousHash: first.hash });
    await append(ann, second);
    expect(await errorOf(await append(ann, first))).toBe('409 conflict');
    expect((await read(ann)).headSeq).toBe(2);
  });

  test('an entry that does not follow the head is a conflict', async () => {
    const first = push();
    await append(ann, first);
    const cases = [push({ seq: 3, previousHash: first.hash }), push({ seq: 2 }), push({ seq: 1 })];
    for (const entry of cases) expect(await errorOf(await append(ann, entry))).toBe('409 conflict');
  });

  test('a snapshot needs its root, owned by this vault and undamaged', async () => {
    const theirs = leafBlob();
    await put(daemon.app, bob, [theirs]);
    for (const { id } of [theirs, leafBlob()]) {
      expect(await errorOf(await append(ann, push({ root: id })))).toBe('409 root-missing');
    }
    daemon.services.database.orm.update(blobRows).set({ damaged: true }).run();
    expect(await errorOf(await append(ann, push()))).toBe('409 root-missing');
  });

  test('other vaults, other authors, other signatures and other bodies are refused', async () => {
    const good = push();
    expect(await errorOf(await append(bob, good))).toBe('403 forbidden');
    const stranger = sign({ ...bob, vaultId: ann.vaultId }, randomBytes(9), {});
    expect(await errorOf(await append(ann, stranger))).toBe('403 forbidden');
    const forged = { ...good.request, signature: push().request.signature };
    expect(await errorOf(await append(ann, { ...good, request: forged }))).toBe('422 signature-invalid');
    const swapped = { ...good.request, body: toBase64(randomBytes(200)) };
    expect(await errorOf(await append(ann, { ...good, request: swapped }))).toBe('400 malformed');
    const trailing = { ...good.request, entry: `${good.request.entry}AA` };
    expect(await errorOf(await append(ann, { ...good, request: trailing }))).toBe('400 malformed');
    expect((await read(ann)).headSeq).toBe(0);
  });

  test('a body of the longest length is taken, a longer one is not', async () => {
    expect((await append(ann, push({}, randomBytes(logBodyBytesMax)))).status).toBe(200);
    const longer = push({ seq: 2 }, randomBytes(logBodyBytesMax + 1));
    expect(await errorOf(await append(ann, longer))).toBe('400 malformed');
  });

  test('a deletion frees the root of a live snapshot of its name, once', async () => {
    const first = push();
    await append(ann, first);
    const other = deletion(1, { seq: 2, previousHash: first.hash, nameTag: sha256(Buffer.from('other')) });
    expect(await errorOf(await append(ann, other))).toBe('404 not-found');
    const stored = findLogEntry(daemon.services.database.orm, ann.vaultNo, 1);
    expect(stored?.rootBlobNo).not.toBeNull();
    const second = deletion(1, { seq: 2, previousHash: first.hash });
    expect((await append(ann, second)).status).toBe(200);
    expect(findLogEntry(daemon.services.database.orm, ann.vaultNo, 1)?.rootBlobNo).toBeNull();
    for (const target of [1, 2]) {
      const again = deletion(target, { seq: 3, previousHash: second.hash });
      expect(await errorOf(await append(ann, again))).toBe('404 not-found');
    }
    const loaded = sign(ann, randomBytes(5), {
      op: 'delete',
      root: new Uint8Array(0),
      targetSeq: 1,
      seq: 3,
      previousHash: second.hash,
    });
    expect(await errorOf(await append(ann, loaded))).toBe('400 malformed');
  });

  test('times in the log never go backwards, whatever the clock does', async () => {
    const first = push();
    await append(ann, first);
    const before = daemon.clock.nowMs;
    daemon.clock.nowMs -= 3_600_000;
    await append(ann, push({ seq: 2, previousHash: first.hash }));
    expect((await read(ann)).entries.map(({ receivedAt }) => Date.parse(receivedAt))).toEqual([before, before]);
  });
});

describe('readLog', () => {
  test('gives what comes after a place, in pages of bounded number and size', async () => {
    let previousHash: Uint8Array = new Uint8Array(32);
    for (let seq = 1; seq <= logEntriesMax + 3; seq += 1) {
      const body = seq > logEntriesMax - 20 ? randomBytes(logBodyBytesMax) : randomBytes(10);
      const signed = push({ seq, previousHash }, body);
      expect((await append(ann, signed)).status).toBe(200);
      previousHash = signed.hash;
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
    let previousHash: Uint8Array = new Uint8Array(32);
    for (let seq = 1; seq <= logEntriesMax + 1; seq += 1) {
      const signed = push({ seq, previousHash }, randomBytes(1));
      await append(ann, signed);
      previousHash = signed.hash;
    }
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
