// What a client believes of a daemon at login, at a change of the password and at a recovery (docs/protocol.md, "Accounts").
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changePassword, login } from '../../src/client/account.js';
import { DaemonApi } from '../../src/client/daemon-api.js';
import { deriveRecoveryKeys } from '../../src/client/key-hierarchy.js';
import { createKeyring, type WrappedRoot } from '../../src/client/keyring.js';
import { registerPassword } from '../../src/client/password-proof.js';
import { recover, rehearseRecovery } from '../../src/client/recovery.js';
import type { Transport } from '../../src/client/transport.js';
import { toBase64, toHex } from '../../src/protocol/bytes.js';
import { endpoints } from '../../src/protocol/endpoints.js';
import { standardKeyStretching } from '../../src/protocol/key-stretching.js';
import * as limits from '../../src/protocol/limits.js';
import type { KeyStretching } from '../../src/protocol/messages.js';
import { challengeBinding } from '../../src/protocol/proof-of-work.js';
import { type AccountDaemon, openAccountDaemon, passwordOf, testSolver } from '../helpers/account-daemon.js';
import { withDatabase } from '../helpers/data-dir.js';

let daemon: AccountDaemon;

beforeAll(async () => {
  daemon = await openAccountDaemon();
});

afterAll(() => daemon.close());

const loginAs = (account: string, password = passwordOf(account), api = daemon.api()) =>
  login(api, { account, password, label: 'again', solver: testSolver });

function spoil(sql: string, ...values: unknown[]): void {
  withDatabase(daemon.dataDir, (database) => {
    if (database.prepare(sql).run(...values).changes !== 1) throw new Error(`nothing to spoil: ${sql}`);
  });
}

function tellStretching(account: string, { memoryKib, iterations, parallelism }: KeyStretching): void {
  spoil(
    `update credentials set stretching_memory_kib = ?, stretching_iterations = ?, stretching_parallelism = ?
     where account_no = (select account_no from accounts where name = ?)`,
    memoryKib,
    iterations,
    parallelism,
    account,
  );
}

/** Registers with a keyring whose wrapped root says something else than what is true. */
async function registerWith(account: string, lie: Partial<WrappedRoot>): Promise<Uint8Array> {
  const api = daemon.api();
  const { registrationRecord, wrapKey, ...remembered } = await registerPassword(api, account, passwordOf(account));
  const accountId = toHex(randomBytes(16));
  const recoveryKey = new Uint8Array(randomBytes(32));
  const keys = await createKeyring({
    accountId,
    vaultId: toHex(randomBytes(16)),
    vaultSecrets: [new Uint8Array(randomBytes(32))],
    passwordWrapKey: wrapKey,
    recovery: deriveRecoveryKeys(recoveryKey),
    wrapped: { root: new Uint8Array(randomBytes(32)), ...remembered, ...lie },
  });
  const { keyStretching } = remembered;
  const binding = toBase64(challengeBinding('register', account));
  const proof = { token: (await api.createChallenge({ purpose: 'register', binding })).token, solutions: '' };
  await api.createAccount({ account, accountId, registrationRecord, keyStretching, keys, label: '', proof });
  return recoveryKey;
}

/** Carries requests, and loses the first answer to one path after the daemon has done what it asks. */
function losingFirstAnswer(path: string): Transport {
  let isLost = false;
  return {
    ...daemon.transport,
    async send(request) {
      const response = await daemon.transport.send(request);
      if (request.path !== path || isLost) return response;
      isLost = true;
      throw new Error('connection reset');
    },
  };
}

describe('the parameters of Argon2id', () => {
  test.each([
    ['too little memory', { memoryKib: limits.stretchingMemoryKibMin - 1 }],
    ['too few passes', { iterations: limits.stretchingIterationsMin - 1 }],
    ['too few lanes', { parallelism: limits.stretchingParallelismMin - 1 }],
    ['too much memory', { memoryKib: limits.stretchingMemoryKibMax + 1 }],
    ['too many passes', { iterations: limits.stretchingIterationsMax + 1 }],
    ['too many lanes', { parallelism: limits.stretchingParallelismMax + 1 }],
    ['endless work', { memoryKib: 0xffffffff, iterations: 0xffffffff }],
    ['nonsense', { memoryKib: -1 }],
  ])('%s is refused before anything is computed', async (name, change) => {
    const account = name.replaceAll(' ', '-');
    const { credential } = await daemon.register(account);
    tellStretching(account, { ...standardKeyStretching, ...change });
    await expect(loginAs(account)).rejects.toMatchObject({
      code: 'integrity',
      message: expect.stringContaining('out of bounds') as string,
    });
    const changing = { credential, password: passwordOf(account), newPassword: 'new', solver: testSolver };
    await expect(changePassword(daemon.api(credential), changing)).rejects.toMatchObject({ code: 'integrity' });
  });

  test('others within the bounds make a right password wrong, and nothing worse', async () => {
    await daemon.register('others');
    tellStretching('others', { ...standardKeyStretching, iterations: 4 });
    await expect(loginAs('others')).rejects.toMatchObject({ code: 'wrong-credential' });
    tellStretching('others', standardKeyStretching);
    await expect(loginAs('others')).resolves.toMatchObject({ account: 'others' });
  });

  test('others than those inside the wrapped root are refused', async () => {
    await registerWith('mismatch', { keyStretching: { ...standardKeyStretching, iterations: 4 } });
    await expect(loginAs('mismatch')).rejects.toMatchObject({ code: 'integrity' });
    await registerWith('match', {});
    await expect(loginAs('match')).resolves.toMatchObject({ account: 'match' });
  });
});

describe('another login key of the daemon', () => {
  test('is noticed at login, at a rehearsal and at a recovery', async () => {
    const recoveryKey = await registerWith('moved', { daemonKeyHash: new Uint8Array(32) });
    const before = daemon.rows();
    const options = { account: 'moved', recoveryKey, solver: testSolver };
    await expect(rehearseRecovery(daemon.api(), options)).rejects.toMatchObject({ code: 'integrity' });
    const recovery = recover(daemon.api(), { ...options, password: 'new', label: '' });
    await expect(recovery).rejects.toMatchObject({ code: 'integrity' });
    expect(daemon.rows()).toEqual(before);
    await expect(loginAs('moved')).rejects.toMatchObject({ code: 'integrity' });
  });
});

describe('a recovery', () => {
  test('rehearsed changes nothing and opens what the account has', async () => {
    const { credential, recoveryKey } = await daemon.register('ann');
    const before = daemon.rows();
    const opened = await rehearseRecovery(daemon.api(), { account: 'ann', recoveryKey, solver: testSolver });
    expect(daemon.rows()).toEqual(before);
    const { accountId, vaultId, root, vaultSecrets } = credential;
    expect(opened).toMatchObject({ account: 'ann', accountId, vaultId, root, vaultSecrets });
  });

  test('with a wrong key and of an unknown account say the same', async () => {
    await daemon.register('bea');
    const recoveryKey = new Uint8Array(randomBytes(32));
    const errors: unknown[] = [];
    for (const account of ['bea', 'nobody']) {
      const options = { account, recoveryKey, solver: testSolver };
      await recover(daemon.api(), { ...options, password: 'new', label: '' }).catch((error: unknown) =>
        errors.push(error),
      );
    }
    expect(errors[0]).toMatchObject({ code: 'wrong-credential', message: 'wrong account or recovery key' });
    expect(errors[1]).toEqual(errors[0]);
  });

  test('works with the same key again, after passwords were changed in both ways', async () => {
    const { credential, recoveryKey } = await daemon.register('cleo');
    const change = { credential, password: passwordOf('cleo'), newPassword: 'second', solver: testSolver };
    expect(await changePassword(daemon.api(credential), change)).toBe(0);
    for (const password of ['third', 'fourth']) {
      const options = { account: 'cleo', recoveryKey, password, label: 'here', solver: testSolver };
      const recovered = await recover(daemon.api(), options);
      expect(recovered).toMatchObject({ endedSessions: 1, credential: { root: credential.root } });
      expect(await daemon.api(recovered.credential).getAccount()).toMatchObject({
        account: 'cleo',
        session: { id: recovered.credential.sessionId },
      });
    }
    await expect(loginAs('cleo', 'third')).rejects.toMatchObject({ code: 'wrong-credential' });
    await expect(loginAs('cleo', 'fourth')).resolves.toMatchObject({ root: credential.root });
  });

  test('refuses keys that the daemon has exchanged', async () => {
    const { recoveryKey } = await daemon.register('dan');
    await daemon.register('other');
    const options = { account: 'dan', recoveryKey, solver: testSolver };
    const numberOf = '(select account_no from accounts where name = ?)';
    spoil(
      `update keyring_records set envelope = (select envelope from keyring_records where purpose = 'root/recovery' and
       account_no = ${numberOf}) where purpose = 'root/recovery' and account_no = ${numberOf}`,
      'other',
      'dan',
    );
    await expect(rehearseRecovery(daemon.api(), options)).rejects.toMatchObject({ code: 'integrity' });
    const { recoveryKey: erinsKey } = await daemon.register('erin');
    spoil('update accounts set identity_public_key = randomblob(32) where name = ?', 'erin');
    await expect(
      rehearseRecovery(daemon.api(), { ...options, account: 'erin', recoveryKey: erinsKey }),
    ).rejects.toMatchObject({ code: 'integrity' });
  });
});

describe('a lost answer', () => {
  test('to a change of the password leaves a hint, and the new password works', async () => {
    const { credential } = await daemon.register('lou');
    const api = new DaemonApi(losingFirstAnswer(endpoints.changePassword.path), credential);
    const change = { credential, password: passwordOf('lou'), newPassword: 'new', solver: testSolver };
    await expect(changePassword(api, change)).rejects.toMatchObject({
      code: 'wrong-credential',
      message: 'the daemon did not confirm the new password',
      hint: expect.stringContaining('try the new one, then the old one') as string,
    });
    await expect(loginAs('lou', 'new')).resolves.toMatchObject({ root: credential.root });
  });

  test('to a recovery leaves a hint, and the new password works', async () => {
    const { credential, recoveryKey } = await daemon.register('max');
    const api = new DaemonApi(losingFirstAnswer(endpoints.finishRecovery.path));
    const options = { account: 'max', recoveryKey, password: 'new', label: '', solver: testSolver };
    await expect(recover(api, options)).rejects.toMatchObject({
      code: 'wrong-credential',
      hint: expect.stringContaining('log in with the new password') as string,
    });
    await expect(loginAs('max', 'new')).resolves.toMatchObject({ root: credential.root });
  });
});

describe('passwords', () => {
  test('that are empty or endless are refused before anything is sent', async () => {
    const { credential, recoveryKey } = await daemon.register('pia');
    const before = daemon.rows();
    for (const newPassword of ['', 'x'.repeat(1025)]) {
      const change = { credential, password: passwordOf('pia'), newPassword, solver: testSolver };
      await expect(changePassword(daemon.api(credential), change)).rejects.toMatchObject({ code: 'usage' });
      const options = { account: 'pia', recoveryKey, password: newPassword, label: '', solver: testSolver };
      await expect(recover(daemon.api(), options)).rejects.toMatchObject({ code: 'usage' });
    }
    expect(daemon.rows()).toEqual(before);
    const newPassword = 'x'.repeat(1024);
    await changePassword(daemon.api(credential), {
      credential,
      password: passwordOf('pia'),
      newPassword,
      solver: testSolver,
    });
    await expect(loginAs('pia', newPassword)).resolves.toMatchObject({ account: 'pia' });
  });
});
