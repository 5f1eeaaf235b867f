// The real client and a daemon that lies (docs/threat-model.md, "A daemon that lies"): every lie ends with the exit code that
// it should, and nothing false is used.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { currentVaultKeys, deriveTokenKeys } from '../../src/client/key-hierarchy.js';
import { NameKey } from '../../src/client/name-key.js';
import { sealSnapshotRecord } from '../../src/client/snapshot-record.js';
import { parseToken } from '../../src/client/token-string.js';
import { BlobStreamParser, encodeBlobRecord } from '../../src/protocol/blob-stream.js';
import { fromBase64, fromHex, toBase64 } from '../../src/protocol/bytes.js';
import { ed25519PrivateKey, ed25519PublicKeyOf } from '../../src/protocol/ed25519.js';
import type { ListTokensResponse, ReadLogResponse } from '../../src/protocol/messages.js';
import { nameTagOf } from '../../src/protocol/name-path.js';
import { credentialOf } from '../helpers/daemon-api.js';
import { ForgedLog } from '../helpers/forged-log.js';
import { newSigner } from '../helpers/log-chain.js';
import { type Asked, lieInJson } from '../helpers/lying-proxy.js';
import { expectRefusal, type LyingScene, openLyingScene } from '../helpers/lying-scene.js';
import { jsonLines, lastJson, Machine, removeTempDirs } from '../helpers/programs.js';

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

describe('the vault log', () => {
  const forge = (change: (log: ForgedLog) => unknown) => {
    const { vaultId } = credentialOf(scene.ann);
    return async (_answer: Buffer, { query }: Asked): Promise<Buffer> => {
      const after = Number(query.get('after') ?? '0');
      const response = await fetch(`${scene.daemon.url}/v1/log`, {
        headers: { authorization: `Bearer ${credentialOf(scene.ann).sessionSecret}` },
      });
      const { entries } = (await response.json()) as ReadLogResponse;
      const log = new ForgedLog(vaultId, entries);
      await change(log);
      return Buffer.from(JSON.stringify(log.answer(after)));
    };
  };

  /** What the operator can make: he knows the vault's public key, and has sealed a record to it. */
  async function forgedPush() {
    const own = credentialOf(scene.ann);
    const secrets = own.vaultSecrets.map(fromBase64);
    const namePath = NameKey.ofVault(currentVaultKeys(secrets).nameKey).pathOf('home');
    const root = { id: new Uint8Array(32), key: new Uint8Array(32) };
    const counts = { files: 1, directories: 0, symlinks: 0, bytes: 1 };
    const about = { name: 'home', timeMs: 0, host: 'forged', tags: [], sources: [], partial: false };
    const session = await scene.loginAnswer('ann');
    const body = await sealSnapshotRecord({
      vaultPublicKey: fromBase64(session.keys.vaultPublicKey),
      vaultId: fromHex(own.vaultId),
      nameTag: nameTagOf(namePath),
      record: { root, counts, ...about },
    });
    return { change: { op: 'push', namePath, root: root.id } as const, body };
  }

  test('that ends earlier than this machine has seen is exit 15, says so, and what to do', async () => {
    await scene.ann.summary(['log']);
    scene.proxy.lie(
      'readLog',
      forge((log) => log.entries.pop()),
    );
    for (const command of [
      ['log'],
      ['ls'],
      ['push', scene.tree, '--name', 'home'],
      ['pull', 'home', join(scene.ann.home, 'no')],
    ]) {
      const outcome = await scene.ann.run([...command, '--json']);
      expectRefusal(outcome, 15, /not the one this machine has seen/);
      expect(String(lastJson(outcome)['hint'])).toMatch(/do not push, compare 'jaycloud log' on another machine/);
    }
    expect(existsSync(join(scene.ann.home, 'no'))).toBe(false);
  });

  test('with a snapshot that was sealed to the vault and signed by nobody certified is exit 15', async () => {
    const { change, body } = await forgedPush();
    scene.proxy.lie(
      'readLog',
      forge((log) => log.add(newSigner(), change, body)),
    );
    for (const machine of [scene.ann, await freshAnn()]) {
      expectRefusal(await machine.run(['log', '--json']), 15, /the author is not certified/);
    }
  });

  test('with a push of a token that was revoked is exit 15', async () => {
    const { token, id } = await scene.ann.summary(['token', 'create', '--push-only']);
    await scene.ann.summary(['token', 'revoke', String(id)]);
    const key = ed25519PrivateKey(deriveTokenKeys(parseToken(String(token)).secret).signingSeed);
    const { change, body } = await forgedPush();
    scene.proxy.lie(
      'readLog',
      forge((log) => log.add({ key, publicKey: ed25519PublicKeyOf(key) }, change, body)),
    );
    expectRefusal(await scene.ann.run(['ls', '--json']), 15, /the author is not certified, or no longer/);
  });

  test('with an entry missing, exchanged or repeated is exit 15 on a machine that has seen nothing', async () => {
    await scene.ann.summary(['push', scene.tree, '--name', 'home']);
    const changes: ((log: ForgedLog) => unknown)[] = [
      (log) => log.entries.splice(1, 1),
      (log) => log.entries.reverse(),
      (log) => log.entries.splice(1, 0, ...log.entries.slice(0, 1)),
    ];
    for (const change of changes) {
      const machine = await freshAnn();
      scene.proxy.lie('readLog', forge(change));
      expectRefusal(await machine.run(['log', '--json']), 15, /does not follow the one before it/);
      scene.proxy.beHonest();
    }
  });

  async function freshAnn(): Promise<Machine> {
    const machine = scene.machineFor('ann');
    await machine.summary(['login', 'ann']);
    return machine;
  }
});

describe('content and tokens', () => {
  test('blobs of somebody else in the place of those asked for are not restored, and the exit code is 15', async () => {
    scene.proxy.lie('fetchBlobs', (answer) => {
      const parser = new BlobStreamParser();
      const blobs = parser.push(answer);
      // Every blob is another one of the same answer, under the id that was asked for.
      const told = blobs.map(({ id }, at) =>
        encodeBlobRecord({ id, blob: blobs[(at + 1) % blobs.length]?.blob ?? id }),
      );
      return Buffer.concat(
        blobs.length > 1 ? told : blobs.map(({ id }) => encodeBlobRecord({ id, blob: Buffer.alloc(1044) })),
      );
    });
    const out = join(scene.ann.home, 'lied');
    const outcome = await scene.ann.run(['pull', 'home', out, '--json']);
    expect(outcome.exit, outcome.stdout).toBe(15);
    const left = existsSync(out) ? readdirSync(out, { recursive: true, withFileTypes: true }) : [];
    expect(left.filter((entry) => entry.isFile())).toEqual([]);
  });

  test('a token that the daemon calls live stays revoked, because the log says so', async () => {
    const { id } = await scene.ann.summary(['token', 'create', '--push-only']);
    await scene.ann.summary(['token', 'revoke', String(id)]);
    scene.proxy.lie(
      'listTokens',
      lieInJson<ListTokensResponse>(({ tokens }) => ({
        tokens: tokens.map((token) => ({ ...token, isRevoked: false })),
      })),
    );
    const lines = jsonLines(await scene.ann.run(['token', 'list', '--json']));
    expect(lines.find((line) => line['id'] === id)).toMatchObject({ state: 'revoked' });
  });

  test('a token that is not in the log, or claims more than its certificate, is found out', async () => {
    const { id } = await scene.ann.summary(['token', 'create', '--push-only']);
    scene.proxy.lie(
      'listTokens',
      lieInJson<ListTokensResponse>(({ tokens }) => ({
        tokens: tokens.map((token) => ({ ...token, scopes: ['push', 'list', 'pull', 'forget'], isPushOnly: false })),
      })),
    );
    const lines = jsonLines(await scene.ann.run(['token', 'list', '--json']));
    expect(lines.find((line) => line['id'] === id)).toMatchObject({ scopes: ['push'], pushOnly: true });
    scene.proxy.lie(
      'listTokens',
      lieInJson<ListTokensResponse>(({ tokens }) => ({
        tokens: tokens.map((token) => ({ ...token, id: '0'.repeat(32) })),
      })),
    );
    expectRefusal(await scene.ann.run(['token', 'list', '--json']), 15, /not in the vault log/);
    scene.proxy.lie(
      'listTokens',
      lieInJson(() => ({ tokens: [] })),
    );
    expectRefusal(await scene.ann.run(['token', 'list', '--json']), 15, /leaves out tokens/);
  });

  test('a push-only token notices a head behind what it has written, and a bundle that is not its own', async () => {
    const { token } = await scene.ann.summary(['token', 'create', '--push-only']);
    const { token: other } = await scene.ann.summary(['token', 'create', '--push-only']);
    const job = new Machine({ JAYCLOUD_TOKEN: String(token), JAYCLOUD_SERVER: scene.proxy.url });
    await job.summary(['push', scene.tree, '--name', 'ci']);
    scene.proxy.lie(
      'getHead',
      lieInJson(() => ({ seq: 1, hash: toBase64(new Uint8Array(32)) })),
    );
    expectRefusal(
      await job.run(['push', scene.tree, '--name', 'ci', '--json']),
      15,
      /not the one this machine has seen/,
    );
    scene.proxy.beHonest();
    let bundle = '';
    scene.proxy.lie(
      'getToken',
      lieInJson<{ bundle: string }>((answer) => {
        bundle = answer.bundle;
        return answer;
      }),
    );
    await new Machine({ JAYCLOUD_TOKEN: String(other), JAYCLOUD_SERVER: scene.proxy.url }).summary(['whoami']);
    scene.proxy.lie(
      'getToken',
      lieInJson<object>((answer) => ({ ...answer, bundle })),
    );
    expectRefusal(
      await job.run(['push', scene.tree, '--name', 'ci', '--json']),
      15,
      /a bundle that is not that of this token/,
    );
  });
});
