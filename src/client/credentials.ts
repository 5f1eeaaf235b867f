// The secrets of one login, and the choice where they are kept: the OS keychain, or a file where there is none.
import { join } from 'node:path';
import { z } from 'zod';
import { fromBase64, toBase64 } from '../protocol/bytes.js';
import { findLogin, type Settings, type StoreKind, writeLogin } from './config.js';
import { type CredentialFile, readCredentialFile, writeCredentialFile } from './credential-file.js';
import { ClientError } from './errors.js';
import { deleteKeychain, readKeychain, writeKeychain } from './keychain.js';

/** Everything that a logged-in machine holds. `password` only for the local default, which nobody types. */
export interface Credential {
  readonly account: string;
  readonly accountId: string;
  readonly vaultId: string;
  /** 32 hex digits. */
  readonly sessionId: string;
  readonly sessionSecret: string;
  /** Ed25519 seed of this session, 32 bytes: signs what it writes into the vault log. */
  readonly signingSeed: Uint8Array;
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** 32 bytes each, oldest first; one more after each rotation. */
  readonly vaultSecrets: readonly Uint8Array[];
  readonly password: string | undefined;
}

const credentialShape = z.object({
  version: z.literal(1),
  account: z.string(),
  accountId: z.string().length(32),
  vaultId: z.string().length(32),
  sessionId: z.string().length(32),
  sessionSecret: z.string().length(43),
  signingSeed: z.string().length(43),
  root: z.string().length(43),
  vaultSecrets: z.array(z.string().length(43)).min(1),
  password: z.string().optional(),
});

function encodeCredential(credential: Credential): string {
  const { root, vaultSecrets, signingSeed, password, ...rest } = credential;
  return JSON.stringify({
    version: 1,
    ...rest,
    root: toBase64(root),
    vaultSecrets: vaultSecrets.map(toBase64),
    signingSeed: toBase64(signingSeed),
    ...(password === undefined ? {} : { password }),
  });
}

function decodeCredential(text: string): Credential {
  try {
    const { root, vaultSecrets, signingSeed, password, ...rest } = credentialShape.parse(JSON.parse(text));
    return {
      ...rest,
      password,
      root: fromBase64(root),
      vaultSecrets: vaultSecrets.map(fromBase64),
      signingSeed: fromBase64(signingSeed),
    };
  } catch (cause) {
    throw new ClientError('not-logged-in', 'the stored credential is damaged', 'log in again', { cause });
  }
}

const entryName = (settings: Settings) => `${settings.profile} ${settings.server}`;
const fileOf = (settings: Settings): CredentialFile => ({
  path: join(settings.configDir, 'credentials.json'),
  passphrase: settings.passphrase,
});

/** The credential of this profile and server, or undefined when nobody is logged in. */
export async function readCredential(settings: Settings): Promise<Credential | undefined> {
  const login = findLogin(settings);
  if (login === undefined) return undefined;
  const text =
    login.store === 'keychain'
      ? await readKeychain(entryName(settings))
      : await readCredentialFile(fileOf(settings), entryName(settings));
  if (text === undefined) {
    const place = login.store === 'keychain' ? 'the keychain' : fileOf(settings).path;
    throw new ClientError(
      'not-logged-in',
      `${place} no longer holds the credential of '${login.account}'`,
      'unlock it, or log in again',
    );
  }
  return decodeCredential(text);
}

/**
 * Keeps a credential in the chosen store. Without a choice the keychain is tried first and a file of mode 0600 is the
 * fallback; `onFallback` then gets one line that says so.
 */
export async function writeCredential(
  settings: Settings,
  credential: Credential,
  onFallback: (line: string) => void,
): Promise<StoreKind> {
  const text = encodeCredential(credential);
  const previous = findLogin(settings)?.store;
  let store = settings.storeChoice ?? previous ?? 'keychain';
  if (store === 'keychain') {
    try {
      await writeKeychain(entryName(settings), text);
    } catch (error) {
      if (settings.storeChoice === 'keychain' || !(error instanceof ClientError)) throw error;
      store = 'file';
      const how = settings.passphrase === undefined ? 'a file that only you can read' : 'an encrypted file';
      onFallback(`${error.message}; keeping the credential in ${how}: ${fileOf(settings).path}`);
    }
  }
  if (store === 'file') await writeCredentialFile(fileOf(settings), entryName(settings), text);
  writeLogin(settings, { account: credential.account, store });
  return store;
}

/** Forgets the credential here. Reports a store that cannot be reached only after the login is forgotten. */
export async function deleteCredential(settings: Settings): Promise<void> {
  const login = findLogin(settings);
  writeLogin(settings, undefined);
  if (login?.store === 'keychain') await deleteKeychain(entryName(settings));
  if (login?.store === 'file') await writeCredentialFile(fileOf(settings), entryName(settings), undefined);
}
