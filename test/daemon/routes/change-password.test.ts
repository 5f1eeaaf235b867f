// POST /v1/account/password (docs/protocol.md, "changePassword").
import * as opaque from '@serenity-kit/opaque';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { login } from '../../../src/client/account.js';
import type { Credential } from '../../../src/client/credentials.js';
import { sealRoot } from '../../../src/client/keyring.js';
import { provePassword, registerPassword } from '../../../src/client/password-proof.js';
import type { ChangePasswordRequest } from '../../../src/protocol/account-messages.js';
import { endpoints } from '../../../src/protocol/endpoints.js';
import { standardKeyStretching } from '../../../src/protocol/key-stretching.js';
import * as limits from '../../../src/protocol/limits.js';
import {
  type AccountDaemon,
  openAccountDaemon,
  passwordOf,
  testSolver,
  wireCodeOf,
} from '../../helpers/account-daemon.js';

const { path } = endpoints.changePassword;
let daemon: AccountDaemon;

beforeAll(async () => {
  daemon = await openAccountDaemon();
});

afterAll(() => daemon.close());

const loginAs = (account: string, password: string) =>
  login(daemon.api(), { account, password, label: 'again', solver: testSolver });

/** Everything that a client sends, with a proof of the password of `prover`. */
async function requestFor(
  { account, accountId, root }: Credential,
  password: string,
  newPassword: string,
  prover = account,
): Promise<ChangePasswordRequest> {
  const proved = await provePassword(daemon.api(), { account: prover, password, solver: testSolver });
  const registered = await registerPassword(daemon.api(), account, newPassword);
  return {
    loginId: proved.loginId,
    finishLoginRequest: proved.finishLoginRequest,
    registrationRecord: registered.registrationRecord,
    keyStretching: registered.keyStretching,
    passwordEnvelope: sealRoot(registered.wrapKey, 'root/password', accountId, { root, ...registered }),
  };
}

describe('changePassword', () => {
  test('replaces the password, wraps the same root, and ends all other sessions of this account alone', async () => {
    const { credential } = await daemon.register('ann');
    const { credential: stranger } = await daemon.register('stranger');
    const second = await loginAs('ann', passwordOf('ann'));
    const third = await loginAs('ann', passwordOf('ann'));
    const request = await requestFor(second, passwordOf('ann'), 'another');
    expect(await daemon.api(second).changePassword(request)).toEqual({ endedSessions: 2 });
    expect(await wireCodeOf(daemon.api(credential).getAccount())).toBe('unauthenticated');
    expect(await wireCodeOf(daemon.api(third).getAccount())).toBe('unauthenticated');
    expect(await wireCodeOf(daemon.api(second).getAccount())).toBe('none');
    expect(await wireCodeOf(daemon.api(stranger).getAccount())).toBe('none');
    await expect(loginAs('ann', passwordOf('ann'))).rejects.toMatchObject({ code: 'wrong-credential' });
    const after = await loginAs('ann', 'another');
    expect(after.root).toEqual(credential.root);
    expect(after.vaultSecrets).toEqual(credential.vaultSecrets);
  });

  test('takes a proof once and within a minute', async () => {
    const { credential } = await daemon.register('bea');
    const request = await requestFor(credential, passwordOf('bea'), 'second');
    daemon.clock.nowMs += 59_999;
    expect(await wireCodeOf(daemon.api(credential).changePassword(request))).toBe('none');
    const after = daemon.rows();
    expect(await wireCodeOf(daemon.api(credential).changePassword(request))).toBe('login-failed');
    const late = await requestFor(credential, 'second', 'third');
    daemon.clock.nowMs += 60_000;
    expect(await wireCodeOf(daemon.api(credential).changePassword(late))).toBe('login-failed');
    expect(daemon.rows()).toEqual(after);
  });

  test('refuses the proof of another account and changes neither', async () => {
    const { credential } = await daemon.register('cleo');
    await daemon.register('dan');
    const before = daemon.rows();
    const request = await requestFor(credential, passwordOf('dan'), 'stolen', 'dan');
    expect(await wireCodeOf(daemon.api(credential).changePassword(request))).toBe('login-failed');
    expect(daemon.rows()).toEqual(before);
  });

  test('needs a session besides the proof', async () => {
    const { credential } = await daemon.register('eve');
    const request = await requestFor(credential, passwordOf('eve'), 'other');
    expect(await wireCodeOf(daemon.api().changePassword(request))).toBe('unauthenticated');
  });

  test('a login that was started with the old password is worth nothing afterwards', async () => {
    const { credential } = await daemon.register('fay');
    const old = { account: 'fay', password: passwordOf('fay'), solver: testSolver };
    const forSession = await provePassword(daemon.api(), old);
    const forChange = await requestFor(credential, passwordOf('fay'), 'of a thief');
    const request = await requestFor(credential, passwordOf('fay'), 'fresh');
    await daemon.api(credential).changePassword(request);
    const { loginId, finishLoginRequest } = forSession;
    expect(await wireCodeOf(daemon.api().createSession({ loginId, finishLoginRequest, label: '' }))).toBe(
      'login-failed',
    );
    expect(await wireCodeOf(daemon.api(credential).changePassword(forChange))).toBe('login-failed');
    await expect(loginAs('fay', 'fresh')).resolves.toMatchObject({ account: 'fay' });
  });

  test('refuses what no login could be made with, and leaves the proof alone', async () => {
    const { credential } = await daemon.register('gus');
    const before = daemon.rows();
    const request = await requestFor(credential, passwordOf('gus'), 'good');
    const { registrationRecord, passwordEnvelope } = request;
    const wrong: Partial<ChangePasswordRequest>[] = [
      { registrationRecord: '' },
      { registrationRecord: registrationRecord.slice(4) },
      { registrationRecord: `${registrationRecord}AAAA` },
      { passwordEnvelope: 'A'.repeat(Math.ceil((limits.envelopeBytesMax * 4) / 3) + 1) },
      { passwordEnvelope: `${passwordEnvelope.slice(0, -1)}!` },
      { loginId: 'x' },
    ];
    for (const change of wrong) {
      const answer = await daemon.post(path, { ...request, ...change }, credential);
      expect(answer, JSON.stringify(change).slice(0, 60)).toMatchObject({
        status: 400,
        body: { error: { code: 'malformed' } },
      });
    }
    expect(await daemon.post(path, { ...request, more: 1 }, credential)).toMatchObject({ status: 400 });
    expect(daemon.rows()).toEqual(before);
    expect(await daemon.post(path, request, credential)).toEqual({ status: 200, body: { endedSessions: 0 } });
  });

  test('takes Argon2id parameters within their bounds, and tells them at the next login', async () => {
    const { credential } = await daemon.register('hal');
    const request = await requestFor(credential, passwordOf('hal'), 'good');
    const outside = [
      { memoryKib: limits.stretchingMemoryKibMin - 1 },
      { memoryKib: limits.stretchingMemoryKibMax + 1 },
      { iterations: limits.stretchingIterationsMin - 1 },
      { iterations: limits.stretchingIterationsMax + 1 },
      { parallelism: limits.stretchingParallelismMin - 1 },
      { parallelism: limits.stretchingParallelismMax + 1 },
      { iterations: 3.5 },
    ];
    for (const change of outside) {
      const keyStretching = { ...standardKeyStretching, ...change };
      expect(await daemon.post(path, { ...request, keyStretching }, credential)).toMatchObject({ status: 400 });
    }
    const keyStretching = {
      memoryKib: limits.stretchingMemoryKibMax,
      iterations: limits.stretchingIterationsMax,
      parallelism: limits.stretchingParallelismMin,
    };
    expect(await daemon.post(path, { ...request, keyStretching }, credential)).toMatchObject({ status: 200 });
    const { startLoginRequest } = opaque.client.startLogin({ password: 'good' });
    const proof = await daemon.loginProof('hal');
    expect(await daemon.api().startLogin({ account: 'hal', startLoginRequest, proof })).toMatchObject({
      keyStretching,
    });
  });
});
