// The real client and a daemon that lies about blobs (docs/threat-model.md, "A daemon that lies"): nothing false is restored,
// and no snapshot is published that an honest daemon cannot give back.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BlobStreamParser, encodeBlobRecord, type StreamedBlob } from '../../src/protocol/blob-stream.js';
import { fromBase64, toBase64 } from '../../src/protocol/bytes.js';
import { decodeLogEntry } from '../../src/protocol/log-entry.js';
import type {
  AppendLogRequest,
  AppendLogResponse,
  GetTokenResponse,
  QueryBlobsResponse,
  ReadLogResponse,
} from '../../src/protocol/messages.js';
import { type Lie, lieInJson } from '../helpers/lying-proxy.js';
import { expectRefusal, type LyingScene, openLyingScene } from '../helpers/lying-scene.js';
import { jsonLines, lastJson, Machine, makeTempDir, removeTempDirs } from '../helpers/programs.js';

let scene: LyingScene;

beforeAll(async () => {
  scene = await openLyingScene();
});

afterEach(() => {
  scene.proxy.beHonest();
});

afterAll(async () => {
  await scene.close();
  removeTempDirs();
});

const recordsOf = (stream: Buffer): StreamedBlob[] => new BlobStreamParser().push(stream);
const streamOf = (blobs: readonly StreamedBlob[]) => Buffer.concat(blobs.map(encodeBlobRecord));
const lieInBlobs = (change: (blobs: StreamedBlob[]) => StreamedBlob[]): Lie => {
  return (answer) => streamOf(change(recordsOf(answer)));
};

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

function flipped(blob: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(blob);
  const at = copy.length - 1;
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

const lies: [string, Lie][] = [
  ['with a flipped bit', lieInBlobs((blobs) => blobs.map(({ id, blob }) => ({ id, blob: flipped(blob) })))],
  ['that are called missing', lieInBlobs((blobs) => blobs.map(({ id }) => ({ id, blob: new Uint8Array() })))],
  ['without the last one', lieInBlobs((blobs) => blobs.slice(0, -1))],
  ['with one more than asked', lieInBlobs((blobs) => [...blobs, ...blobs.slice(0, 1)])],
  ['under other ids', lieInBlobs((blobs) => blobs.map(({ id, blob }) => ({ id: flipped(id), blob })))],
  ['cut short', (answer) => answer.subarray(0, -1)],
  ['of an impossible length', (answer) => Buffer.concat([answer.subarray(0, 32), Buffer.alloc(4, 255)])],
  ['without an end', (answer) => Buffer.concat([answer, Buffer.alloc(100_000_000)])],
];

describe('blobs', () => {
  test.each(lies)('%s are not restored, and the exit code is 15', async (_what, lie) => {
    scene.proxy.lie('fetchBlobs', lie);
    const out = join(scene.ann.home, 'lied');
    expectRefusal(await scene.ann.run(['pull', 'home', out, '--json']), 15, /./);
    expect(filesBelow(out)).toEqual([]);
    const shown = await scene.ann.run(['cat', 'home:a']);
    expect(shown).toMatchObject({ exit: 15, stdout: '' });
  });

  // The first answer is the manifest; only the one with the content of both files is lied about.
  test.each<[string, (blobs: StreamedBlob[]) => StreamedBlob[]]>([
    ['in another order', (blobs) => blobs.toReversed()],
    ['exchanged', (blobs) => blobs.map(({ id }, at) => ({ id, blob: blobs.at(at - 1)?.blob ?? id }))],
  ])('%s are not restored, and the exit code is 15', async (_what, change) => {
    let lied = 0;
    scene.proxy.lie(
      'fetchBlobs',
      lieInBlobs((blobs) => {
        if (blobs.length < 2) return blobs;
        lied += 1;
        return change(blobs);
      }),
    );
    const out = join(scene.ann.home, 'swapped');
    expectRefusal(await scene.ann.run(['pull', 'home', out, '--json']), 15, /./);
    expect(lied).toBeGreaterThan(0);
    expect(filesBelow(out)).toEqual([]);
  });

  test('of an older snapshot do not stand in for those of a newer one', async () => {
    const tree = makeTempDir();
    writeFileSync(join(tree, 'f'), 'first');
    await scene.ann.summary(['push', tree, '--name', 'two']);
    writeFileSync(join(tree, 'f'), 'second');
    await scene.ann.summary(['push', tree, '--name', 'two']);
    const first: StreamedBlob[] = [];
    scene.proxy.lie(
      'fetchBlobs',
      lieInBlobs((blobs) => {
        first.push(...blobs);
        return blobs;
      }),
    );
    await scene.ann.summary(['pull', 'two@1', join(scene.ann.home, 'true')]);
    const [oldRoot] = first;
    if (oldRoot === undefined) throw new Error('nothing was fetched');
    let isRoot = true;
    scene.proxy.lie(
      'fetchBlobs',
      lieInBlobs((blobs) => {
        const told = isRoot ? blobs.map(({ id }) => ({ id, blob: oldRoot.blob })) : blobs;
        isRoot = false;
        return told;
      }),
    );
    const out = join(scene.ann.home, 'older');
    expectRefusal(await scene.ann.run(['pull', 'two@2', out, '--json']), 15, /not what its id says/);
    expect(isRoot).toBe(false);
    expect(filesBelow(out)).toEqual([]);
  });
});

const ownsEverything = lieInJson<QueryBlobsResponse>((answer) => ({
  ...answer,
  states: 'o'.repeat(answer.states.length),
}));

describe('ownership', () => {
  const pushNew = async (name: string) => {
    const tree = makeTempDir();
    writeFileSync(join(tree, 'f'), `content of ${name} that nobody has`);
    return scene.ann.run(['push', tree, '--name', name, '--json']);
  };

  test('that the daemon only claims publishes no snapshot, and the exit code is 15', async () => {
    scene.proxy.lie('queryBlobs', ownsEverything);
    expectRefusal(await pushNew('claimed'), 15, /does not have what it said/);
    scene.proxy.beHonest();
    expectRefusal(await scene.ann.run(['log', 'claimed', '--json']), 10, /there is no snapshot/);
    expect(lastJson(await pushNew('claimed'))).toMatchObject({ version: 1 });
  });

  test('states of another number of blobs than asked end the push with 15', async () => {
    scene.proxy.lie(
      'queryBlobs',
      lieInJson<QueryBlobsResponse>((answer) => ({ ...answer, states: `${answer.states}o` })),
    );
    expectRefusal(await pushNew('counted'), 15, /another number of blobs/);
  });

  test('of a whole snapshot that was thrown away is found by the pull, and the head that is missing by the next command', async () => {
    const taken: ReadLogResponse['entries'] = [];
    scene.proxy.lie('queryBlobs', ownsEverything);
    scene.proxy.answer('appendLog', ({ body }) => {
      const { entry, signature, body: sealed } = JSON.parse(body.toString()) as AppendLogRequest;
      const receivedAt = '2999-01-01T00:00:00.000Z';
      taken.push({ entry, signature, body: sealed, receivedAt });
      const { seq } = decodeLogEntry(fromBase64(entry));
      return Buffer.from(JSON.stringify({ seq, receivedAt, version: 1 } satisfies AppendLogResponse));
    });
    scene.proxy.lie('readLog', (answer, { query }) => {
      const { headSeq, entries } = JSON.parse(answer.toString()) as ReadLogResponse;
      const after = Number(query.get('after') ?? '0');
      const told = [...entries, ...taken.filter((_entry, at) => headSeq + at + 1 > after)];
      return Buffer.from(JSON.stringify({ headSeq: headSeq + taken.length, entries: told }));
    });
    expect(await pushNew('thrown')).toMatchObject({ exit: 0 });
    expect(taken).toHaveLength(1);
    const out = join(scene.ann.home, 'thrown-out');
    expectRefusal(await scene.ann.run(['pull', 'thrown', out, '--json']), 15, /missing/);
    expect(filesBelow(out)).toEqual([]);
    scene.proxy.beHonest();
    expectRefusal(await scene.ann.run(['ls', '--json']), 15, /not the one this machine has seen/);
    // A machine that was not lied to goes on.
    const other = scene.machineFor('ann');
    await other.summary(['login', 'ann']);
    expect(jsonLines(await other.run(['ls', '--json'])).some(({ name }) => name === 'thrown')).toBe(false);
    scene.ann.env['JAYCLOUD_CONFIG_DIR'] = other.env['JAYCLOUD_CONFIG_DIR'] ?? '';
    scene.ann.env['JAYCLOUD_CACHE_DIR'] = other.env['JAYCLOUD_CACHE_DIR'] ?? '';
  });

  test('versions are counted in the log, whatever the daemon says', async () => {
    scene.proxy.lie(
      'appendLog',
      lieInJson<AppendLogResponse>((answer) => ({ ...answer, version: 77 })),
    );
    expect(lastJson(await pushNew('versions'))).toMatchObject({ type: 'summary', version: 1 });
  });

  test('an entry that was received before the one before it is not believed', async () => {
    scene.proxy.lie(
      'appendLog',
      lieInJson<AppendLogResponse>((answer) => ({ ...answer, receivedAt: '2001-01-01T00:00:00.000Z' })),
    );
    expectRefusal(await pushNew('times'), 15, /received before the one before it/);
  });
});

describe('what a token is told of itself', () => {
  const jobOf = async () => {
    const { token } = await scene.ann.summary(['token', 'create', '--push-only']);
    return new Machine({ JAYCLOUD_TOKEN: String(token), JAYCLOUD_SERVER: scene.proxy.url });
  };
  const tell = (change: Partial<GetTokenResponse>) => {
    scene.proxy.lie(
      'getToken',
      lieInJson<GetTokenResponse>((answer) => ({ ...answer, ...change })),
    );
  };

  test('another vault, or a bundle with a flipped bit, is exit 15', async () => {
    const job = await jobOf();
    tell({ vaultId: '0'.repeat(32) });
    const push = ['push', scene.tree, '--name', 'ci', '--json'];
    expectRefusal(await job.run(push), 15, /a bundle that is not that of this token/);
    scene.proxy.lie(
      'getToken',
      lieInJson<GetTokenResponse>((answer) => ({
        ...answer,
        bundle: toBase64(flipped(fromBase64(answer.bundle))),
      })),
    );
    expectRefusal(await job.run(push), 15, /a bundle that is not that of this token/);
  });

  test('scopes that its certificate does not have give it no keys', async () => {
    const job = await jobOf();
    tell({ scopes: ['push', 'list', 'pull', 'forget'], isPushOnly: false });
    const out = join(job.home, 'out');
    expectRefusal(await job.run(['pull', 'home', out, '--json']), 12, /./);
    expect(existsSync(out)).toBe(false);
  });
});
