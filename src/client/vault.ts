// An opened vault: its keys on this machine and the daemon that keeps it.
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { ed25519PrivateKey, ed25519PublicKeyOf } from '../protocol/log-entry.js';
import type { Settings } from './config.js';
import type { Credential } from './credentials.js';
import type { DaemonApi } from './daemon-api.js';
import { deriveAccountKeys, deriveVaultKeys, type VaultKeys } from './key-hierarchy.js';

export interface Vault {
  readonly vaultId: string;
  readonly account: string;
  readonly keys: VaultKeys;
  /** Signs log entries. */
  readonly identityKey: KeyObject;
  readonly identityPublicKey: Uint8Array;
  readonly api: DaemonApi;
  /** Where this machine keeps what it may lose. */
  readonly cacheDir: string;
  /** Where it keeps the head of the log that it last saw. */
  readonly stateDir: string;
  /** Gets what the user should know while the work goes on. */
  readonly onNote?: (line: string) => void;
}

export function openVault(settings: Settings, credential: Credential, api: DaemonApi): Vault {
  api.useSession(credential.sessionSecret);
  const identityKey = ed25519PrivateKey(deriveAccountKeys(credential.root).identitySeed);
  return {
    vaultId: credential.vaultId,
    account: credential.account,
    keys: deriveVaultKeys(credential.vaultSecret),
    identityKey,
    identityPublicKey: ed25519PublicKeyOf(identityKey),
    api,
    cacheDir: join(settings.cacheDir, credential.vaultId),
    stateDir: join(settings.configDir, 'vaults'),
  };
}
