// POST /v1/accounts (docs/protocol.md, "createAccount"): what is refused of a new password.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deriveRecoveryKeys } from '../../../src/client/key-hierarchy.js';
import { createKeyring } from '../../../src/client/keyring.js';
import { registerPassword } from '../../../src/client/password-proof.js';
import { toBase64, toHex } from '../../../src/protocol/bytes.js';
import { endpoints } from '../../../src/protocol/endpoints.js';
import { standardKeyStretching } from '../../../src/protocol/key-stretching.js';
import * as limits from '../../../src/protocol/limits.js';
import type { CreateAccountRequest } from '../../../src/protocol/messages.js';
import { challengeBinding } from '../../../src/protocol/proof-of-work.js';
import { type AccountDaemon, openAccountDaemon } from '../../helpers/account-daemon.js';

let daemon: AccountDaemon;

beforeAll(async () => {
  daemon = await openAccountDaemon();
});

afterAll(() => daemon.close());

async function requestFor(account: string): Promise<CreateAccountRequest> {
  const api = daemon.api();
  const { registrationRecord, wrapKey, ...remembered } = await registerPassword(api, account, 'a password');
  const accountId = toHex(randomBytes(16));
  const keys = await createKeyring({
    accountId,
    vaultId: toHex(randomBytes(16)),
    vaultSecrets: [new Uint8Array(randomBytes(32))],
    passwordWrapKey: wrapKey,
    recovery: deriveRecoveryKeys(new Uint8Array(randomBytes(32))),
    wrapped: { root: new Uint8Array(randomBytes(32)), ...remembered },
  });
  const { keyStretching } = remembered;
  return { account, accountId, registrationRecord, keyStretching, keys, label: '', proof: await proofFor(account) };
}

async function proofFor(account: string) {
  const binding = toBase64(challengeBinding('register', account));
  return { token: (await daemon.api().createChallenge({ purpose: 'register', binding })).token, solutions: '' };
}

test('refuses Argon2id parameters out of bounds and what is no registration record, and makes no account', async () => {
  const request = await requestFor('ann');
  const changes: Partial<CreateAccountRequest>[] = [
    { keyStretching: { ...standardKeyStretching, memoryKib: limits.stretchingMemoryKibMin - 1 } },
    { keyStretching: { ...standardKeyStretching, iterations: limits.stretchingIterationsMin - 1 } },
    { keyStretching: { ...standardKeyStretching, parallelism: limits.stretchingParallelismMax + 1 } },
    { registrationRecord: request.registrationRecord.slice(4) },
    { registrationRecord: `${request.registrationRecord}AAAA` },
  ];
  for (const change of changes) {
    const sent = { ...request, ...change, proof: await proofFor('ann') };
    const answer = await daemon.post(endpoints.createAccount.path, sent);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'malformed' } } });
  }
  expect(daemon.rows()['accounts']).toEqual([]);
  expect(await daemon.post(endpoints.createAccount.path, request)).toMatchObject({ status: 201 });
  expect(daemon.rows()['credentials']).toMatchObject([
    { stretching_memory_kib: 65_536, stretching_iterations: 3, stretching_parallelism: 4 },
  ]);
});
