// POST /v1/account/keys (docs/protocol.md, "rotateKeys"): log and keyring change together or not at all.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { login } from '../../../src/client/account.js';
import { readSettings } from '../../../src/client/config.js';
import type { Credential } from '../../../src/client/credentials.js';
import { rehearseRecovery } from '../../../src/client/recovery.js';
import { rotateKeys } from '../../../src/client/rotate-keys.js';
import { parseToken } from '../../../src/client/token-string.js';
import { createToken } from '../../../src/client/tokens.js';
import { openVault, useToken } from '../../../src/client/vault.js';
import { VaultLog } from '../../../src/client/vault-log.js';
import type { RotateKeysRequest } from '../../../src/protocol/account-messages.js';
import { toBase64 } from '../../../src/protocol/bytes.js';
import { endpoints } from '../../../src/protocol/endpoints.js';
import {
  type AccountDaemon,
  openAccountDaemon,
  passwordOf,
  testSolver,
  wireCodeOf,
} from '../../helpers/account-daemon.js';

let daemon: AccountDaemon;
const home = mkdtempSync(join(tmpdir(), 'jaycloud-rotate-'));
const settings = readSettings({ server: 'http://localhost' }, { JAYCLOUD_CONFIG_DIR: home, JAYCLOUD_CACHE_DIR: home });

beforeAll(async () => {
  daemon = await openAccountDaemon();
});

afterAll(async () => {
  await daemon.close();
  rmSync(home, { recursive: true });
});

const logOf = (credential: Credential) => VaultLog.read(openVault(settings, credential, daemon.api()));

const loginAs = (account: string) =>
  login(daemon.api(), { account, password: passwordOf(account), label: 'again', solver: testSolver });

async function rotate(credential: Credential, password = passwordOf(credential.account)) {
  let recoveryKey = new Uint8Array();
  const onRecoveryKey = (key: Uint8Array) => {
    recoveryKey = new Uint8Array(key);
  };
  const options = { credential, password, solver: testSolver, onRecoveryKey };
  return { ...(await rotateKeys(await logOf(credential), options)), recoveryKey };
}

const pushToken = { label: '', scopes: ['push'], prefix: '', lifeMs: 0, quotaBytes: 0, isPushOnly: true } as const;

/** What the client sends, caught on its way. */
async function requestOf(credential: Credential): Promise<RotateKeysRequest> {
  const log = await logOf(credential);
  let caught: RotateKeysRequest | undefined;
  log.vault.api.rotateKeys = (request) => {
    caught = request;
    throw new Error('caught');
  };
  const options = { credential, password: passwordOf(credential.account), solver: testSolver };
  await expect(rotateKeys(log, { ...options, onRecoveryKey: () => undefined })).rejects.toThrow();
  if (caught === undefined) throw new Error('nothing was sent');
  return caught;
}

describe('rotateKeys', () => {
  test('makes new keys that a login gets, and ends every token and all other sessions of this account', async () => {
    const { credential, recoveryKey } = await daemon.register('ann');
    const { credential: stranger } = await daemon.register('stranger');
    const second = await loginAs('ann');
    const { token } = await createToken(await logOf(credential), pushToken);
    const rotated = await rotate(credential);
    expect(rotated).toMatchObject({ endedSessions: 1, endedTokens: 1 });
    expect(await wireCodeOf(daemon.api(second).getAccount())).toBe('unauthenticated');
    expect(await wireCodeOf(daemon.api(stranger).getAccount())).toBe('none');
    const tokenApi = daemon.api();
    useToken(tokenApi, parseToken(token));
    expect(await wireCodeOf(tokenApi.getHead())).toBe('token-revoked');
    const again = await loginAs('ann');
    expect(again.root).toEqual(rotated.credential.root);
    expect(again.root).not.toEqual(credential.root);
    expect(again.vaultSecrets).toEqual(rotated.credential.vaultSecrets);
    expect(again.vaultSecrets[0]).toEqual(credential.vaultSecrets[0]);
    const log = await logOf(again);
    expect(log.lines.map(({ entry }) => entry.change.op)).toEqual(['certify', 'rotate']);
    const rehearse = (key: Uint8Array) =>
      rehearseRecovery(daemon.api(), { account: 'ann', recoveryKey: key, solver: testSolver });
    await expect(rehearse(recoveryKey)).rejects.toMatchObject({ code: 'wrong-credential' });
    expect((await rehearse(rotated.recoveryKey)).root).toEqual(again.root);
  });

  test('works again and again, and a reader that knows only the newest keys checks the whole log', async () => {
    let { credential } = await daemon.register('bea');
    for (let turn = 0; turn < 3; turn += 1) {
      await createToken(await logOf(credential), pushToken);
      ({ credential } = await rotate(credential));
    }
    const log = await logOf(await loginAs('bea'));
    const ops = ['certify', 'rotate'];
    expect(log.lines.map(({ entry, epoch }) => `${entry.change.op} ${String(epoch)}`)).toEqual(
      [0, 1, 2].flatMap((epoch) => ops.map((op) => `${op} ${String(epoch)}`)),
    );
    expect(log.authors()).toEqual([]);
  });

  test('with a wrong password nothing changes', async () => {
    const { credential } = await daemon.register('cleo');
    const before = daemon.rows();
    await expect(rotate(credential, 'wrong')).rejects.toMatchObject({ code: 'wrong-credential' });
    expect(daemon.rows()).toEqual(before);
  });

  test('a machine with the old keys refuses the log, and is refused', async () => {
    const { credential } = await daemon.register('dan');
    await createToken(await logOf(credential), pushToken);
    await rotate(credential);
    // The session stays; its old keys do not.
    await expect(logOf(credential)).rejects.toMatchObject({ code: 'integrity' });
  });

  test('refuses a keyring that is not the one of the log, foreign signatures and stale places', async () => {
    const { credential } = await daemon.register('eve');
    const { credential: other } = await daemon.register('mallory');
    const request = await requestOf(credential);
    const theirs = await requestOf(other);
    const before = daemon.rows();
    const send = (change: Partial<RotateKeysRequest>) =>
      daemon.post(endpoints.rotateKeys.path, { ...request, ...change }, credential);
    const { keys } = request;
    const cases: [Partial<RotateKeysRequest>, string][] = [
      [{ keys: { ...keys, identityPublicKey: theirs.keys.identityPublicKey } }, 'malformed'],
      [{ keys: { ...keys, vaultPublicKey: theirs.keys.vaultPublicKey } }, 'malformed'],
      [{ keys: { ...keys, vaultId: theirs.keys.vaultId } }, 'malformed'],
      [{ entry: theirs.entry, signature: theirs.signature }, 'forbidden'],
      [{ signature: toBase64(new Uint8Array(64)) }, 'signature-invalid'],
      [{ registrationRecord: 'AAAA' }, 'malformed'],
    ];
    for (const [change, code] of cases) expect(await send(change)).toMatchObject({ body: { error: { code } } });
    expect(daemon.rows()).toEqual(before);
    await createToken(await logOf(credential), pushToken);
    expect(await send({})).toMatchObject({ body: { error: { code: 'conflict' } } });
  });

  test('the log endpoint takes no rotation', async () => {
    const { credential } = await daemon.register('fay');
    const { entry, signature } = await requestOf(credential);
    const answer = await daemon.post(endpoints.appendLog.path, { entry, signature, body: '' }, credential);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'malformed' } } });
  });
});
