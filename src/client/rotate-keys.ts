// Another account root and other vault keys (docs/format.md, "Rotation"): for when a machine with the old ones has fallen into
// other hands. Content stays where it is, under the keys that its manifests name.
import { randomBytes } from 'node:crypto';
import type { RotateKeysRequest } from '../protocol/account-messages.js';
import { sha256 } from '../protocol/blob-id.js';
import { equalBytes, fromBase64, fromHex, toBase64 } from '../protocol/bytes.js';
import { ed25519PrivateKey } from '../protocol/ed25519.js';
import { ProtocolError } from '../protocol/errors.js';
import { encodeLogEntry, signLogEntry, signRotation } from '../protocol/log-entry.js';
import { sendNewPassword } from './account.js';
import { identitySigner } from './append-log.js';
import type { Credential } from './credentials.js';
import { ClientError, integrityError } from './errors.js';
import { deriveAccountKeys, deriveRecoveryKeys, secretBytes } from './key-hierarchy.js';
import { createKeyring } from './keyring.js';
import type { PaidSolver } from './paid-solver.js';
import { provePassword, registerPassword } from './password-proof.js';
import type { VaultLog } from './vault-log.js';

/** Each try proves the password anew, because proofs work once. */
const triesMax = 3;
/** A vault keeps the secrets of all its epochs in one envelope. */
const epochsMax = 64;

export interface RotationOptions {
  /** Of the session that makes the rotation and is the only one that stays. */
  readonly credential: Credential;
  readonly password: string;
  readonly solver: PaidSolver;
  /** Gets the new recovery key before anything has changed: it counts as soon as the rotation is done. */
  readonly onRecoveryKey: (recoveryKey: Uint8Array) => void;
}

export interface RotatedKeys {
  readonly credential: Credential;
  readonly endedSessions: number;
  readonly endedTokens: number;
  /** Bytes of the request: wraps, public keys and the entry of the log. */
  readonly keyBytes: number;
}

/** Throws ClientError `wrong-credential` for a wrong password, `conflict` where others keep writing. `log` has been checked. */
export async function rotateKeys(log: VaultLog, options: RotationOptions): Promise<RotatedKeys> {
  const { credential } = options;
  if (credential.vaultSecrets.length >= epochsMax) {
    throw new ClientError(
      'failed',
      `the keys of this vault were rotated ${String(epochsMax)} times`,
      'make a new vault',
    );
  }
  const fresh = { root: secret(), vaultSecret: secret(), recoveryKey: secret(), signingSeed: secret() };
  for (let tries = 1; ; tries += 1) {
    try {
      return await rotateOnce(log, options, fresh, tries === 1);
    } catch (error) {
      const isConflict = error instanceof ProtocolError && error.code === 'conflict';
      if (!isConflict || tries === triesMax) throw error;
    }
  }
}

function secret(): Uint8Array {
  return new Uint8Array(randomBytes(secretBytes));
}

interface FreshSecrets {
  readonly root: Uint8Array;
  readonly vaultSecret: Uint8Array;
  readonly recoveryKey: Uint8Array;
  readonly signingSeed: Uint8Array;
}

async function rotateOnce(
  log: VaultLog,
  options: RotationOptions,
  fresh: FreshSecrets,
  isFirst: boolean,
): Promise<RotatedKeys> {
  const { credential, password, solver } = options;
  const { account, accountId, vaultId } = credential;
  const { api } = log.vault;
  const proved = await provePassword(api, { account, password, solver });
  const { registrationRecord, wrapKey, ...remembered } = await registerPassword(api, account, password);
  if (!equalBytes(proved.daemonKeyHash, remembered.daemonKeyHash)) {
    throw integrityError('the daemon has one key for logins and another for registrations');
  }
  const vaultSecrets = [...credential.vaultSecrets, fresh.vaultSecret];
  const keys = await createKeyring({
    accountId,
    vaultId,
    vaultSecrets,
    passwordWrapKey: wrapKey,
    recovery: deriveRecoveryKeys(fresh.recoveryKey),
    wrapped: { root: fresh.root, ...remembered },
  });
  if (isFirst) options.onRecoveryKey(fresh.recoveryKey);
  // The slow part is done: what is signed now is still the head when it arrives.
  const { turn } = await api.takeTurn();
  await log.refresh();
  const { loginId, finishLoginRequest } = proved;
  const request: RotateKeysRequest = {
    loginId,
    finishLoginRequest,
    registrationRecord,
    keyStretching: remembered.keyStretching,
    keys,
    ...signEntry(log, keys, fresh.root),
    turn,
  };
  const hint = 'the keys may have been rotated or not: log in again with the same password, and both cases are right';
  const { endedSessions, endedTokens } = await sendNewPassword(() => api.rotateKeys(request), hint);
  const { root, signingSeed } = fresh;
  return {
    // A key is certified once: the session signs with another one from here on.
    credential: { ...credential, root, vaultSecrets, signingSeed },
    endedSessions,
    endedTokens,
    keyBytes: Buffer.byteLength(JSON.stringify(request)),
  };
}

/** The old identity signs, and the new one agrees: it stands for the history before it from now on. */
function signEntry(log: VaultLog, keys: RotateKeysRequest['keys'], root: Uint8Array) {
  const { vault, head } = log;
  const signer = identitySigner(vault);
  const rotation = {
    vaultId: fromHex(vault.vaultId),
    previousHash: head.hash,
    author: signer.publicKey,
    identityPublicKey: fromBase64(keys.identityPublicKey),
    vaultPublicKey: fromBase64(keys.vaultPublicKey),
  };
  const { identityPublicKey, vaultPublicKey, ...place } = rotation;
  const consent = signRotation(ed25519PrivateKey(deriveAccountKeys(root).identitySeed), rotation);
  const entry = encodeLogEntry({
    ...place,
    seq: head.seq + 1,
    timeMs: Date.now(),
    bodyHash: sha256(new Uint8Array()),
    change: { op: 'rotate', identityPublicKey, vaultPublicKey, consent },
  });
  return { entry: toBase64(entry), signature: toBase64(signLogEntry(signer.key, entry)) };
}
