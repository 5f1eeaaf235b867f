// The real client and a daemon that lies about what a recovery key or a rotation has made (docs/threat-model.md, "A daemon
// that lies"): nothing false is opened, and no password is given to it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { OpenRecoveryResponse } from '../../src/protocol/account-messages.js';
import type {
  CreateSessionResponse,
  ReadLogResponse,
  StartLoginResponse,
  StartRegistrationResponse,
} from '../../src/protocol/messages.js';
import { lieInJson } from '../helpers/lying-proxy.js';
import { expectRefusal, type LyingScene, openLyingScene } from '../helpers/lying-scene.js';
import { removeTempDirs } from '../helpers/programs.js';

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

/** The same bytes in a spelling that no encoder makes. */
function respelled(text: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return text.slice(0, -1) + letters.charAt(letters.indexOf(text.slice(-1)) + 1);
}

type Keys = CreateSessionResponse['keys'];

const recoveryLies: [string, (own: Keys) => Partial<Keys>][] = [
  ['the recovery envelope of another account', () => ({ recoveryEnvelope: scene.mallory.keys.recoveryEnvelope })],
  ['the password envelope as that of the recovery key', (own) => ({ recoveryEnvelope: own.passwordEnvelope })],
  ['the vault envelope as that of the recovery key', (own) => ({ recoveryEnvelope: own.vaultEnvelope })],
  ['a recovery envelope that is cut short', (own) => ({ recoveryEnvelope: own.recoveryEnvelope.slice(0, -4) })],
  ['another recovery key', () => ({ recoveryPublicKey: scene.mallory.keys.recoveryPublicKey })],
  ['another identity', () => ({ identityPublicKey: scene.mallory.keys.identityPublicKey })],
  ['another vault key', () => ({ vaultPublicKey: scene.mallory.keys.vaultPublicKey })],
  ['the vault envelope of another account', () => ({ vaultEnvelope: scene.mallory.keys.vaultEnvelope })],
];

describe('a recovery', () => {
  test.each(recoveryLies)('that is answered with %s is exit 15, and gives no new password away', async (_what, lie) => {
    scene.proxy.lie(
      'openRecovery',
      lieInJson<OpenRecoveryResponse>((answer) => ({ ...answer, keys: { ...answer.keys, ...lie(answer.keys) } })),
    );
    let finished = 0;
    scene.proxy.lie('finishRecovery', (answer) => {
      finished += 1;
      return answer;
    });
    const machine = scene.machineFor('ann');
    const env = { JAYCLOUD_RECOVERY_KEY: scene.recoveryKey, JAYCLOUD_NEW_PASSWORD: 'new' };
    for (const command of [
      ['recovery', 'rehearse', 'ann'],
      ['recover', 'ann'],
    ]) {
      expectRefusal(await machine.run([...command, '--json'], { env }), 15, /the daemon keeps/);
    }
    expect(finished).toBe(0);
    expect(existsSync(join(machine.env['JAYCLOUD_CONFIG_DIR'] ?? '', 'credentials.json'))).toBe(false);
  });

  test('of another account than asked for is exit 15', async () => {
    scene.proxy.lie(
      'openRecovery',
      lieInJson<OpenRecoveryResponse>((answer) => ({ ...answer, account: 'mallory' })),
    );
    const env = { JAYCLOUD_RECOVERY_KEY: scene.recoveryKey };
    expectRefusal(await scene.ann.run(['recovery', 'rehearse', '--json'], { env }), 15, /answered for another account/);
  });
});

describe('nonsense', () => {
  test('in the place of OPAQUE messages is exit 15', async () => {
    scene.proxy.lie(
      'startLogin',
      lieInJson<StartLoginResponse>((answer) => ({ ...answer, loginResponse: 'AAAA' })),
    );
    expectRefusal(await scene.machineFor('ann').run(['login', 'ann', '--json']), 15, /the login with nonsense/);
    scene.proxy.beHonest();
    scene.proxy.lie(
      'startRegistration',
      lieInJson<StartRegistrationResponse>(() => ({ registrationResponse: 'AAAA' })),
    );
    const env = { JAYCLOUD_NEW_PASSWORD: 'new' };
    expectRefusal(await scene.ann.run(['passwd', '--json'], { env }), 15, /the registration with nonsense/);
    scene.proxy.beHonest();
    await scene.machineFor('ann').summary(['login', 'ann']);
  });

  test('parameters of Argon2id within the bounds, other than those of the password, make a login that fails', async () => {
    scene.proxy.lie(
      'startLogin',
      lieInJson<StartLoginResponse>((answer) => ({
        ...answer,
        keyStretching: { ...answer.keyStretching, iterations: answer.keyStretching.iterations + 1 },
      })),
    );
    expectRefusal(await scene.machineFor('ann').run(['login', 'ann', '--json']), 12, /wrong account or password/);
  });

  test('of envelopes and log entries in another spelling is exit 15', async () => {
    scene.proxy.lie(
      'createSession',
      lieInJson<CreateSessionResponse>(({ keys, ...answer }) => ({
        ...answer,
        keys: { ...keys, passwordEnvelope: respelled(keys.passwordEnvelope) },
      })),
    );
    expectRefusal(await scene.machineFor('ann').run(['login', 'ann', '--json']), 15, /keys that are not those/);
    scene.proxy.beHonest();
    const machine = scene.machineFor('ann');
    await machine.summary(['login', 'ann']);
    scene.proxy.lie(
      'readLog',
      lieInJson<ReadLogResponse>(({ headSeq, entries }) => ({
        headSeq,
        entries: entries.map((entry) => ({ ...entry, signature: respelled(entry.signature) })),
      })),
    );
    expectRefusal(await machine.run(['log', '--json']), 15, /cannot be read/);
  });
});

describe('after a rotation of keys', () => {
  test('older wraps and keys, one by one or all together, are exit 15', async () => {
    const machine = scene.machineFor('zoe');
    await machine.summary(['register', 'zoe']);
    const { keys: older } = await scene.loginAnswer('zoe');
    await machine.summary(['key', 'rotate']);
    const { passwordEnvelope, vaultEnvelope, vaultPublicKey, identityPublicKey } = older;
    for (const told of [{ passwordEnvelope }, { vaultEnvelope }, { vaultPublicKey }, { identityPublicKey }, older]) {
      scene.proxy.lie(
        'createSession',
        lieInJson<CreateSessionResponse>((answer) => ({ ...answer, keys: { ...answer.keys, ...told } })),
      );
      expectRefusal(await scene.machineFor('zoe').run(['login', 'zoe', '--json']), 15, /the daemon keeps/);
    }
    scene.proxy.beHonest();
    await scene.machineFor('zoe').summary(['login', 'zoe']);
  });
});
