// POST /v1/recovery/start, /open and /finish (docs/protocol.md, "Recovery").
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { login } from '../../../src/client/account.js';
import { deriveRecoveryKeys } from '../../../src/client/key-hierarchy.js';
import { sealRoot } from '../../../src/client/keyring.js';
import { registerPassword } from '../../../src/client/password-proof.js';
import { createRecoveries } from '../../../src/daemon/recoveries.js';
import type { FinishRecoveryRequest } from '../../../src/protocol/account-messages.js';
import { fromBase64, toBase64 } from '../../../src/protocol/bytes.js';
import { ed25519PrivateKey } from '../../../src/protocol/ed25519.js';
import { endpoints } from '../../../src/protocol/endpoints.js';
import * as limits from '../../../src/protocol/limits.js';
import {
  type NewPasswordParts,
  recoveryFinishBytes,
  recoveryOpenBytes,
  signRecovery,
} from '../../../src/protocol/recovery-proof.js';
import {
  type AccountDaemon,
  openAccountDaemon,
  passwordOf,
  testSolver,
  wireCodeOf,
} from '../../helpers/account-daemon.js';
import { protocolCodeOf } from '../../helpers/protocol-code.js';

type Owner = Awaited<ReturnType<AccountDaemon['register']>>;

let daemon: AccountDaemon;
let ann: Owner;
let bob: Owner;

beforeAll(async () => {
  daemon = await openAccountDaemon();
  ann = await daemon.register('ann');
  bob = await daemon.register('bob');
});

afterAll(() => daemon.close());

const keyOf = (recoveryKey: Uint8Array) => ed25519PrivateKey(deriveRecoveryKeys(recoveryKey).signingSeed);

async function start(account: string): Promise<{ recoveryId: string; challenge: Uint8Array }> {
  const answer = await daemon.api().startRecovery({ account, proof: await daemon.loginProof(account) });
  return { recoveryId: answer.recoveryId, challenge: fromBase64(answer.challenge) };
}

const openSignature = (recoveryKey: Uint8Array, challenge: Uint8Array, account: string) =>
  toBase64(signRecovery(keyOf(recoveryKey), recoveryOpenBytes(challenge, account)));

/** A recovery of `account` that was opened. */
async function opened(account: string, { recoveryKey }: Owner): Promise<{ recoveryId: string; challenge: Uint8Array }> {
  const started = await start(account);
  const signature = openSignature(recoveryKey, started.challenge, account);
  await daemon.api().openRecovery({ recoveryId: started.recoveryId, signature });
  return started;
}

async function newPassword({ credential }: Owner, password: string): Promise<NewPasswordParts> {
  const { registrationRecord, wrapKey, ...remembered } = await registerPassword(
    daemon.api(),
    credential.account,
    password,
  );
  const wrapped = { root: credential.root, ...remembered };
  const passwordEnvelope = sealRoot(wrapKey, 'root/password', credential.accountId, wrapped);
  return { registrationRecord, keyStretching: remembered.keyStretching, passwordEnvelope };
}

function finishRequest(
  { recoveryKey }: Owner,
  { recoveryId, challenge }: { recoveryId: string; challenge: Uint8Array },
  parts: NewPasswordParts,
): FinishRecoveryRequest {
  const signature = toBase64(signRecovery(keyOf(recoveryKey), recoveryFinishBytes(challenge, parts)));
  return { recoveryId, signature, ...parts, label: 'recovered' };
}

describe('startRecovery', () => {
  test('says the same of an unknown account as of a known one', async () => {
    const answers = [];
    for (const account of ['ann', 'nobody']) {
      const request = { account, proof: await daemon.loginProof(account) };
      answers.push(await daemon.post(endpoints.startRecovery.path, request));
    }
    const shape = {
      status: 200,
      body: {
        recoveryId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
        challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
      },
    };
    expect(answers).toEqual([shape, shape]);
  });

  test('wants a proof of its own, for this account', async () => {
    const proof = await daemon.loginProof('ann');
    expect(await wireCodeOf(daemon.api().startRecovery({ account: 'bob', proof }))).toBe('challenge-invalid');
    expect(await wireCodeOf(daemon.api().startRecovery({ account: 'ann', proof }))).toBe('none');
    expect(await wireCodeOf(daemon.api().startRecovery({ account: 'ann', proof }))).toBe('challenge-spent');
    const answer = await daemon.post(endpoints.startRecovery.path, { account: 'Ann', proof });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'malformed' } } });
  });

  test('10,000 are held at once, and none is forgotten for another one', () => {
    const clock = { nowMs: 0 };
    const recoveries = createRecoveries(() => clock.nowMs);
    for (let count = 0; count < 10_000; count += 1) recoveries.start('ann');
    expect(protocolCodeOf(() => recoveries.start('ann'))).toBe('rate-limited');
    clock.nowMs += 120_000;
    expect(protocolCodeOf(() => recoveries.start('ann'))).toBe('none');
  });
});

describe('openRecovery', () => {
  test('gives the keyring for a signature of the recovery key, once, and changes nothing', async () => {
    const before = daemon.rows();
    const { recoveryId, challenge } = await start('ann');
    const signature = openSignature(ann.recoveryKey, challenge, 'ann');
    const answer = await daemon.api().openRecovery({ recoveryId, signature });
    expect(answer).toMatchObject({ account: 'ann', accountId: ann.credential.accountId });
    expect(answer.keys.vaultId).toBe(ann.credential.vaultId);
    expect(answer).not.toHaveProperty('session');
    expect(daemon.rows()).toEqual(before);
    expect(await wireCodeOf(daemon.api().openRecovery({ recoveryId, signature }))).toBe('login-failed');
    // The second try has ended it.
    const request = finishRequest(ann, { recoveryId, challenge }, await newPassword(ann, 'late'));
    expect(await wireCodeOf(daemon.api().finishRecovery(request))).toBe('login-failed');
    expect(daemon.rows()).toEqual(before);
  });

  test('a wrong signature ends it, and says what an unknown account says', async () => {
    const { recoveryId, challenge } = await start('ann');
    const other = await start('ann');
    const right = openSignature(ann.recoveryKey, challenge, 'ann');
    const wrong = openSignature(bob.recoveryKey, challenge, 'ann');
    const unknown = await start('nobody');
    const forUnknown = openSignature(bob.recoveryKey, unknown.challenge, 'nobody');
    const { path } = endpoints.openRecovery;
    const refusals = [
      await daemon.post(path, { recoveryId, signature: wrong }),
      await daemon.post(path, { recoveryId, signature: right }),
      // Signed for another challenge of the same account.
      await daemon.post(path, { recoveryId: other.recoveryId, signature: right }),
      await daemon.post(path, { recoveryId: unknown.recoveryId, signature: forUnknown }),
      await daemon.post(path, { recoveryId: '0'.repeat(32), signature: right }),
    ];
    for (const refusal of refusals) expect(refusal).toEqual(refusals[0]);
    expect(refusals[0]).toMatchObject({ status: 401, body: { error: { code: 'login-failed' } } });
  });

  test('the signature is for the account that was named at the start', async () => {
    const { recoveryId, challenge } = await start('bob');
    const signature = openSignature(ann.recoveryKey, challenge, 'ann');
    expect(await wireCodeOf(daemon.api().openRecovery({ recoveryId, signature }))).toBe('login-failed');
  });

  test('is in time for two minutes', async () => {
    const inTime = await start('ann');
    daemon.clock.nowMs += 119_999;
    const signature = openSignature(ann.recoveryKey, inTime.challenge, 'ann');
    expect(await wireCodeOf(daemon.api().openRecovery({ recoveryId: inTime.recoveryId, signature }))).toBe('none');
    const late = await start('ann');
    daemon.clock.nowMs += 120_000;
    const tooLate = { recoveryId: late.recoveryId, signature: openSignature(ann.recoveryKey, late.challenge, 'ann') };
    expect(await wireCodeOf(daemon.api().openRecovery(tooLate))).toBe('login-failed');
  });

  test('refuses bodies of another shape', async () => {
    const recoveryId = '0'.repeat(32);
    for (const body of [{ recoveryId }, { recoveryId, signature: 'A'.repeat(85) }, { recoveryId: '', signature: '' }]) {
      expect(await daemon.post(endpoints.openRecovery.path, body)).toMatchObject({ status: 400 });
    }
  });
});

describe('finishRecovery', () => {
  test('replaces the password, ends every session of the account, and makes one', async () => {
    const cleo = await daemon.register('cleo');
    await login(daemon.api(), { account: 'cleo', password: passwordOf('cleo'), label: 'x', solver: testSolver });
    const recovery = await opened('cleo', cleo);
    const request = finishRequest(cleo, recovery, await newPassword(cleo, 'fresh'));
    const { session, endedSessions } = await daemon.api().finishRecovery(request);
    expect(endedSessions).toBe(2);
    expect(await wireCodeOf(daemon.api(cleo.credential).getAccount())).toBe('unauthenticated');
    const own = daemon.api({ ...cleo.credential, sessionSecret: session.secret });
    expect(await own.getAccount()).toMatchObject({ account: 'cleo', session: { id: session.id } });
    expect(await wireCodeOf(daemon.api(bob.credential).getAccount())).toBe('none');
    const with_ = (password: string) =>
      login(daemon.api(), { account: 'cleo', password, label: 'x', solver: testSolver });
    await expect(with_(passwordOf('cleo'))).rejects.toMatchObject({ code: 'wrong-credential' });
    expect((await with_('fresh')).root).toEqual(cleo.credential.root);
    const after = daemon.rows();
    expect(await wireCodeOf(daemon.api().finishRecovery(request))).toBe('login-failed');
    expect(daemon.rows()).toEqual(after);
  });

  test('a recovery that was not opened is not finished, and ends', async () => {
    const before = daemon.rows();
    const started = await start('ann');
    const request = finishRequest(ann, started, await newPassword(ann, 'early'));
    expect(await wireCodeOf(daemon.api().finishRecovery(request))).toBe('login-failed');
    const signature = openSignature(ann.recoveryKey, started.challenge, 'ann');
    expect(await wireCodeOf(daemon.api().openRecovery({ recoveryId: started.recoveryId, signature }))).toBe(
      'login-failed',
    );
    expect(daemon.rows()).toEqual(before);
  });

  test('the signature covers the record, the envelope and the parameters', async () => {
    const parts = await newPassword(ann, 'signed');
    const others = await newPassword(ann, 'not signed');
    const before = daemon.rows();
    for (const change of [
      { registrationRecord: others.registrationRecord },
      { passwordEnvelope: others.passwordEnvelope },
      { keyStretching: { ...parts.keyStretching, iterations: 4 } },
    ]) {
      const request = finishRequest(ann, await opened('ann', ann), parts);
      expect(await wireCodeOf(daemon.api().finishRecovery({ ...request, ...change }))).toBe('login-failed');
    }
    const recovery = await opened('ann', ann);
    // The signature that opened it, and one of another key.
    const request = finishRequest(bob, recovery, parts);
    expect(await wireCodeOf(daemon.api().finishRecovery(request))).toBe('login-failed');
    const again = await opened('ann', ann);
    const signature = openSignature(ann.recoveryKey, again.challenge, 'ann');
    const reused = { ...finishRequest(ann, again, parts), signature };
    expect(await wireCodeOf(daemon.api().finishRecovery(reused))).toBe('login-failed');
    expect(daemon.rows()).toEqual(before);
  });

  test('is in time for two minutes after the start', async () => {
    const parts = await newPassword(ann, passwordOf('ann'));
    const before = daemon.rows();
    const recovery = await opened('ann', ann);
    daemon.clock.nowMs += 120_000;
    expect(await wireCodeOf(daemon.api().finishRecovery(finishRequest(ann, recovery, parts)))).toBe('login-failed');
    expect(daemon.rows()).toEqual(before);
  });

  test('refuses what no login could be made with, and what is beyond a limit', async () => {
    const parts = await newPassword(ann, passwordOf('ann'));
    const recovery = await opened('ann', ann);
    const request = finishRequest(ann, recovery, parts);
    const before = daemon.rows();
    for (const change of [
      { registrationRecord: 'AAAA' },
      { keyStretching: { ...parts.keyStretching, memoryKib: limits.stretchingMemoryKibMin - 1 } },
      { passwordEnvelope: toBase64(randomBytes(limits.envelopeBytesMax + 1)) },
      { label: 'x'.repeat(201) },
    ]) {
      const answer = await daemon.post(endpoints.finishRecovery.path, { ...request, ...change });
      expect(answer).toMatchObject({ status: 400, body: { error: { code: 'malformed' } } });
    }
    expect(daemon.rows()).toEqual(before);
    expect((await daemon.api().finishRecovery({ ...request, label: 'x'.repeat(200) })).session.id).toMatch(/^\w{32}$/);
  });
});
