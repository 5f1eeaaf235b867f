// The keyring of an account, from a second implementation (docs/format.md, sections 9 to 11), and with every part exchanged.
import { describe, expect, test } from 'vitest';
import { sealEnvelope } from '../../src/client/envelope.js';
import { derivePasswordWrapKey, deriveRecoveryKeys } from '../../src/client/key-hierarchy.js';
import { checkDaemonKey, type KeyringAnswer, openKeyring, sealRoot } from '../../src/client/keyring.js';
import { sha256 } from '../../src/protocol/blob-id.js';
import { concatBytes, fromHex as hex, toBase64, toHex, utf8 } from '../../src/protocol/bytes.js';
import { ed25519PrivateKey } from '../../src/protocol/ed25519.js';
import { encodeKeyStretching, standardKeyStretching } from '../../src/protocol/key-stretching.js';
import {
  isRecoverySigned,
  recoveryFinishBytes,
  recoveryOpenBytes,
  signRecovery,
} from '../../src/protocol/recovery-proof.js';
import { codeThrownBy, flipped } from '../helpers/integrity.js';
import { readVectors } from '../helpers/vectors.js';

interface RecoveryVector {
  readonly account: string;
  readonly accountId: string;
  readonly accountRoot: string;
  readonly recoveryKey: string;
  readonly exportKey: string;
  readonly vaultSecret: string;
  readonly daemonKey: string;
  readonly keyStretching: readonly [number, number, number];
  readonly keys: Readonly<Record<keyof KeyringAnswer['keys'], string>>;
  readonly challenge: string;
  readonly registrationRecord: string;
  readonly openSignature: string;
  readonly finishSignature: string;
}

const vector = readVectors('recovery.json') as RecoveryVector;
const base64 = (text: string) => toBase64(hex(text));
const { vaultId, ...binary } = vector.keys;
const keys = {
  ...(Object.fromEntries(Object.entries(binary).map(([name, text]) => [name, base64(text)])) as typeof binary),
  vaultId,
};
const answer: KeyringAnswer = { account: vector.account, accountId: vector.accountId, keys };
const recovery = deriveRecoveryKeys(hex(vector.recoveryKey));
const passwordWrapKey = derivePasswordWrapKey(hex(vector.exportKey));
const [memoryKib, iterations, parallelism] = vector.keyStretching;
const keyStretching = { memoryKib, iterations, parallelism };
const daemonKeyHash = sha256(utf8(vector.daemonKey));

const openByRecovery = (changed: KeyringAnswer) =>
  openKeyring(vector.account, changed, 'root/recovery', recovery.wrapKey);

describe('the keyring vector', () => {
  test('opens with the password key and with the recovery key alike', async () => {
    const byPassword = await openKeyring(vector.account, answer, 'root/password', passwordWrapKey);
    const byRecovery = await openByRecovery(answer);
    expect(byRecovery).toEqual(byPassword);
    expect(toHex(byRecovery.root)).toBe(vector.accountRoot);
    expect(byRecovery.vaultSecrets.map(toHex)).toEqual([vector.vaultSecret]);
    expect(byRecovery.daemonKeyHash).toEqual(daemonKeyHash);
    expect(byRecovery.stretching).toEqual(encodeKeyStretching(keyStretching));
  });

  test('has the signatures that the recovery key makes', () => {
    const signingKey = ed25519PrivateKey(recovery.signingSeed);
    const publicKey = hex(vector.keys.recoveryPublicKey);
    const { registrationRecord } = vector;
    const parts = { registrationRecord, keyStretching, passwordEnvelope: keys.passwordEnvelope };
    const open = recoveryOpenBytes(hex(vector.challenge), vector.account);
    const finish = recoveryFinishBytes(hex(vector.challenge), parts);
    for (const [bytes, signature] of [
      [open, hex(vector.openSignature)],
      [finish, hex(vector.finishSignature)],
    ] as const) {
      expect(signRecovery(signingKey, bytes)).toEqual(signature);
      expect(isRecoverySigned(publicKey, bytes, signature)).toBe(true);
      expect(isRecoverySigned(publicKey, flipped(bytes, bytes.length - 1), signature)).toBe(false);
      expect(isRecoverySigned(publicKey, bytes, flipped(signature, 63))).toBe(false);
      expect(isRecoverySigned(new Uint8Array(32).fill(255), bytes, signature)).toBe(false);
    }
    expect(isRecoverySigned(publicKey, finish, hex(vector.openSignature))).toBe(false);
  });
});

describe('openKeyring', () => {
  test('refuses an answer for another account, and any part that was exchanged', async () => {
    const other = toBase64(new Uint8Array(32).fill(1));
    const changes: Partial<KeyringAnswer>[] = [
      { account: 'bob' },
      { accountId: '0'.repeat(32) },
      { keys: { ...keys, vaultId: '0'.repeat(32) } },
      { keys: { ...keys, identityPublicKey: other } },
      { keys: { ...keys, vaultPublicKey: other } },
      { keys: { ...keys, recoveryEnvelope: keys.passwordEnvelope } },
      { keys: { ...keys, vaultEnvelope: keys.recoveryEnvelope } },
      { keys: { ...keys, recoveryEnvelope: toBase64(flipped(hex(vector.keys.recoveryEnvelope), 100)) } },
      { keys: { ...keys, recoveryEnvelope: '' } },
    ];
    for (const change of changes) {
      await expect(openByRecovery({ ...answer, ...change }), JSON.stringify(change)).rejects.toMatchObject({
        code: 'integrity',
      });
    }
  });

  test('reads roots that were wrapped without parameters as stretched with the standard ones, and no other length', async () => {
    const long = concatBytes(hex(vector.accountRoot), daemonKeyHash, encodeKeyStretching(keyStretching));
    const sealed = (plaintext: Uint8Array) =>
      toBase64(sealEnvelope(recovery.wrapKey, 'root/recovery', hex(vector.accountId), plaintext));
    const withEnvelope = (recoveryEnvelope: string) => ({ ...answer, keys: { ...keys, recoveryEnvelope } });
    const opened = await openByRecovery(withEnvelope(sealed(long.subarray(0, 64))));
    expect(opened.stretching).toEqual(encodeKeyStretching(standardKeyStretching));
    for (const plaintext of [long.subarray(0, 75), concatBytes(long, Uint8Array.of(0)), long.subarray(0, 32)]) {
      await expect(openByRecovery(withEnvelope(sealed(plaintext)))).rejects.toMatchObject({ code: 'integrity' });
    }
  });

  test('a root that was wrapped at another daemon is noticed', async () => {
    const wrapped = { root: hex(vector.accountRoot), daemonKeyHash: sha256(utf8('another')), keyStretching };
    const recoveryEnvelope = sealRoot(recovery.wrapKey, 'root/recovery', vector.accountId, wrapped);
    const opened = await openByRecovery({ ...answer, keys: { ...keys, recoveryEnvelope } });
    expect(
      codeThrownBy(() => {
        checkDaemonKey(opened, daemonKeyHash);
      }),
    ).toBe('integrity');
    checkDaemonKey(await openByRecovery(answer), daemonKeyHash);
  });
});
