// The real client and a daemon that lies about keys and logins (docs/threat-model.md, "A daemon that lies"): every lie ends
// with the exit code that it should, and nothing false is kept.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CreateSessionResponse, StartLoginResponse } from '../../src/protocol/messages.js';
import { credentialOf } from '../helpers/daemon-api.js';
import { LyingProxy, lieInJson } from '../helpers/lying-proxy.js';
import { expectRefusal, type LyingScene, openLyingScene } from '../helpers/lying-scene.js';
import { Daemon, removeTempDirs } from '../helpers/programs.js';

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

/** The second character of the last third is changed: still base64, of other bytes. */
function flipped(text: string): string {
  const at = Math.floor((text.length * 2) / 3);
  return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
}

describe('keys and logins', () => {
  type Change = (answer: CreateSessionResponse) => unknown;
  const keys = (change: (keys: CreateSessionResponse['keys']) => object): Change => {
    return (answer) => ({ ...answer, keys: { ...answer.keys, ...change(answer.keys) } });
  };
  const lies: [string, Change][] = [
    [
      'the password envelope of another account',
      keys(() => ({ passwordEnvelope: scene.mallory.keys.passwordEnvelope })),
    ],
    ['the recovery envelope as that of the password', keys((own) => ({ passwordEnvelope: own.recoveryEnvelope }))],
    ['a password envelope with a flipped bit', keys((own) => ({ passwordEnvelope: flipped(own.passwordEnvelope) }))],
    ['the vault envelope of another account', keys(() => ({ vaultEnvelope: scene.mallory.keys.vaultEnvelope }))],
    ['a vault envelope with a flipped bit', keys((own) => ({ vaultEnvelope: flipped(own.vaultEnvelope) }))],
    ['another identity', keys(() => ({ identityPublicKey: scene.mallory.keys.identityPublicKey }))],
    ['another vault key', keys(() => ({ vaultPublicKey: scene.mallory.keys.vaultPublicKey }))],
    ['another vault', keys(() => ({ vaultId: scene.mallory.keys.vaultId }))],
    ['the whole keyring of another account', () => scene.mallory],
    ['another account id', (answer) => ({ ...answer, accountId: scene.mallory.accountId })],
    ['another account name', (answer) => ({ ...answer, account: 'mallory' })],
  ];

  test.each(lies)('%s ends the login with 15, and nothing is kept', async (_what, change) => {
    scene.proxy.lie('createSession', lieInJson<CreateSessionResponse>(change));
    const machine = scene.machineFor('ann');
    expectRefusal(await machine.run(['login', 'ann', '--json']), 15, /the daemon (keeps|answered)/);
    expect(existsSync(join(machine.env['JAYCLOUD_CONFIG_DIR'] ?? '', 'credentials.json'))).toBe(false);
  });

  test.each([
    ['weaker', { memoryKib: 8192 }],
    ['fewer', { iterations: 1 }],
    ['endless', { iterations: 1_000_000 }],
    ['huge', { memoryKib: 2 ** 31 }],
  ])('%s parameters of Argon2id are refused before anything is computed', async (_what, change) => {
    scene.proxy.lie(
      'startLogin',
      lieInJson<StartLoginResponse>((answer) => ({ ...answer, keyStretching: { ...answer.keyStretching, ...change } })),
    );
    expectRefusal(await scene.machineFor('ann').run(['login', 'ann', '--json']), 15, /out of bounds/);
  });

  test('answers of another daemon, with another key for logins, are refused wherever a password is made', async () => {
    const other = await Daemon.start();
    scene.proxy.lie('startRegistration', async (_answer, { body }) => {
      const response = await fetch(`${other.url}/v1/accounts/start`, { method: 'POST', body });
      return Buffer.from(await response.arrayBuffer());
    });
    const env = { JAYCLOUD_NEW_PASSWORD: 'another', JAYCLOUD_RECOVERY_KEY: scene.recoveryKey };
    for (const command of [['passwd'], ['key', 'rotate'], ['recovery', 'rehearse'], ['recover', 'ann']]) {
      expectRefusal(await scene.ann.run([...command, '--json'], { env }), 15, /the daemon has (one|another login) key/);
    }
    await other.stop();
    scene.proxy.beHonest();
    await scene.machineFor('ann').summary(['login', 'ann']);
  });

  test('a login that another daemon answers is the login of nobody', async () => {
    const other = await Daemon.start();
    await scene.machineFor('ann', other.url).summary(['register', 'ann']);
    const { vaultId } = credentialOf(scene.ann);
    const there = await LyingProxy.start(other.url);
    there.lie(
      'createSession',
      lieInJson<CreateSessionResponse>((answer) => ({ ...answer, keys: { ...answer.keys, vaultId } })),
    );
    expectRefusal(
      await scene.machineFor('ann', there.url).run(['login', 'ann', '--json']),
      15,
      /keys that are not those/,
    );
    await there.close();
    await other.stop();
  });
});
