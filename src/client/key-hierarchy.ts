// Every key of an account and a vault (docs/format.md, "Keys"): one label a key, no key for two purposes.
import { ok } from 'node:assert/strict';
import { utf8 } from '../protocol/bytes.js';
import { vaultSalt } from './dedup-domain.js';
import { deriveKey, deriveKeySalted } from './hkdf.js';

export const secretBytes = 32;

/** From the account root. */
export interface AccountKeys {
  /** Ed25519 seed of the identity that signs log entries. */
  readonly identitySeed: Uint8Array;
  /** Wraps vault secrets. */
  readonly vaultWrapKey: Uint8Array;
}

/** From the recovery key. */
export interface RecoveryKeys {
  /** Wraps the account root. */
  readonly wrapKey: Uint8Array;
  /** Ed25519 seed that proves possession of the recovery key. */
  readonly signingSeed: Uint8Array;
}

/** A dedup domain of its own. */
export interface DomainKeys {
  /** Salt of its chunk keys. */
  readonly dedupSalt: Uint8Array;
  readonly chunkerSecret: Uint8Array;
}

/** From the vault secret. */
export interface VaultKeys extends DomainKeys {
  /** Of `NameKey`. */
  readonly nameKey: Uint8Array;
  /** Input of DeriveKeyPair for the X25519 key that snapshot records are sealed to. */
  readonly hpkeSeed: Uint8Array;
  /** Encrypts what the client caches on its own disk. */
  readonly cacheKey: Uint8Array;
}

function checkSecret(secret: Uint8Array): void {
  ok(secret.length === secretBytes, 'a root secret has 32 bytes');
}

export function deriveAccountKeys(accountRoot: Uint8Array): AccountKeys {
  checkSecret(accountRoot);
  return {
    identitySeed: deriveKey(accountRoot, 'jaycloud/1/account/identity'),
    vaultWrapKey: deriveKey(accountRoot, 'jaycloud/1/account/vault-wrap'),
  };
}

/** Wraps the account root under the password. `exportKey` is what OPAQUE gives, 64 bytes. */
export function derivePasswordWrapKey(exportKey: Uint8Array): Uint8Array {
  ok(exportKey.length >= secretBytes, 'an export key is at least 32 bytes');
  return deriveKey(exportKey, 'jaycloud/1/account/password-wrap');
}

export function deriveRecoveryKeys(recoveryKey: Uint8Array): RecoveryKeys {
  checkSecret(recoveryKey);
  return {
    wrapKey: deriveKey(recoveryKey, 'jaycloud/1/account/recovery-wrap'),
    signingSeed: deriveKey(recoveryKey, 'jaycloud/1/account/recovery-signing'),
  };
}

export function deriveVaultKeys(vaultSecret: Uint8Array): VaultKeys {
  checkSecret(vaultSecret);
  return {
    dedupSalt: vaultSalt(vaultSecret),
    chunkerSecret: deriveKey(vaultSecret, 'jaycloud/1/vault/chunker'),
    nameKey: deriveKey(vaultSecret, 'jaycloud/1/vault/name'),
    hpkeSeed: deriveKey(vaultSecret, 'jaycloud/1/vault/hpke'),
    cacheKey: deriveKey(vaultSecret, 'jaycloud/1/vault/cache'),
  };
}

/** From the secret of a token. */
export interface TokenKeys {
  /** What the daemon gets as bearer; it keeps the hash. */
  readonly bearerSecret: Uint8Array;
  /** Ed25519 seed that signs the token's log entries. */
  readonly signingSeed: Uint8Array;
  /** Wraps the token's bundle. */
  readonly bundleKey: Uint8Array;
  /** Encrypts what the token's holder caches. */
  readonly cacheKey: Uint8Array;
}

export function deriveTokenKeys(tokenSecret: Uint8Array): TokenKeys {
  checkSecret(tokenSecret);
  return {
    bearerSecret: deriveKey(tokenSecret, 'jaycloud/1/token/bearer'),
    signingSeed: deriveKey(tokenSecret, 'jaycloud/1/token/signing'),
    bundleKey: deriveKey(tokenSecret, 'jaycloud/1/token/bundle'),
    cacheKey: deriveKey(tokenSecret, 'jaycloud/1/token/cache'),
  };
}

/** The dedup domain of a token that can only push: nobody but the vault's members can derive another token's. */
export function deriveTokenDomain(vaultSecret: Uint8Array, tokenId: Uint8Array): DomainKeys {
  checkSecret(vaultSecret);
  const secret = deriveKeySalted(vaultSecret, tokenId, utf8('jaycloud/1/vault/token-domain'), secretBytes);
  const { dedupSalt, chunkerSecret } = deriveVaultKeys(secret);
  return { dedupSalt, chunkerSecret };
}

/** A vault has its secrets in the order of its rotations; the last one is in use. */
export function currentVaultSecret(vaultSecrets: readonly Uint8Array[]): Uint8Array {
  const secret = vaultSecrets.at(-1);
  ok(secret !== undefined, 'a vault has a secret');
  return secret;
}

export function currentVaultKeys(vaultSecrets: readonly Uint8Array[]): VaultKeys {
  return deriveVaultKeys(currentVaultSecret(vaultSecrets));
}
