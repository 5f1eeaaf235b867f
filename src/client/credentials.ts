// The secrets of one login, and the choice where they are kept: the OS keychain, or a file where there is none.
import { join } from 'node:path';
import { fromBase64, toBase64 } from '../protocol/bytes.js';
import * as z from '../protocol/packages/zod.js';
import { findLogin, type Login, prepareConfigDir, type Settings, type StoreKind, writeLogin } from './config.js';
import {
  type CredentialFile,
  checkCredentialFile,
  readCredentialFile,
  writeCredentialFile,
} from './credential-file.js';
import { ClientError } from './errors.js';

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
  accountId: z.string().check(z.length(32)),
  vaultId: z.string().check(z.length(32)),
  sessionId: z.string().check(z.length(32)),
  sessionSecret: z.string().check(z.length(43)),
  signingSeed: z.string().check(z.length(43)),
  root: z.string().check(z.length(43)),
  vaultSecrets: z.array(z.string().check(z.length(43))).check(z.minLength(1)),
  password: z.optional(z.string()),
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

/** Most machines on which much is started keep their secrets in a file, or use a token. */
const loadKeychain = () => import('./keychain.js');

const entryName = (settings: Settings) => `${settings.profile} ${settings.server}`;
export const credentialPath = (settings: Settings) => join(settings.configDir, 'credentials.json');
const fileOf = (settings: Settings): CredentialFile => ({
  path: credentialPath(settings),
  passphrase: settings.passphrase,
  oldPassphrase: settings.oldPassphrase,
});

/** The credential of this profile and server, or undefined when nobody is logged in. */
export async function readCredential(settings: Settings): Promise<Credential | undefined> {
  const login = findLogin(settings);
  if (login === undefined) return undefined;
  const text =
    login.store === 'keychain'
      ? await readFromKeychain(settings, login)
      : await readCredentialFile(fileOf(settings), entryName(settings));
  if (text === undefined) {
    const place = login.store === 'keychain' ? 'the keychain' : credentialPath(settings);
    throw new ClientError(
      'not-logged-in',
      `${place} no longer holds the credential of '${login.account}'`,
      settings.isDefaultServer ? 'bring it back: the local vault has no other key' : 'log in again',
    );
  }
  return decodeCredential(text);
}

/** A job often runs without the desktop session that the login was made in. */
async function readFromKeychain(settings: Settings, login: Login): Promise<string | undefined> {
  const { KeychainError, readKeychain } = await loadKeychain();
  try {
    return await readKeychain(settings.sessionBus, entryName(settings));
  } catch (error) {
    if (!(error instanceof KeychainError)) throw error;
    throw new ClientError(
      'not-logged-in',
      `the credential of '${login.account}' is in the keychain, which cannot be used here: ${error.reason}`,
      settings.isDefaultServer
        ? 'run a command with JAYCLOUD_CREDENTIAL_STORE=file where the keychain works: that moves the keys to a file'
        : 'log in here with JAYCLOUD_CREDENTIAL_STORE=file, or set JAYCLOUD_TOKEN to a token',
      { cause: error },
    );
  }
}

/** The store of the next login: the one asked for now or at an earlier login, else the keychain. */
function wantedStore({ storeChoice }: Settings, previous: Login | undefined): StoreKind {
  return storeChoice ?? (previous?.isChosen === true ? previous.store : 'keychain');
}

/**
 * Throws ClientError where a login could not be kept: a folder that cannot be written, a file that does not open, a
 * keychain that was insisted on. To be asked before the daemon makes anything.
 */
export async function prepareToKeep(settings: Settings): Promise<void> {
  prepareConfigDir(settings);
  if (wantedStore(settings, findLogin(settings)) === 'keychain') {
    const { checkKeychain, KeychainError } = await loadKeychain();
    try {
      await checkKeychain(settings.sessionBus);
      return;
    } catch (error) {
      if (settings.storeChoice === 'keychain' || !(error instanceof KeychainError)) throw error;
    }
  }
  await checkCredentialFile(fileOf(settings));
}

export interface KeepOptions {
  /** Gets one line that says why and where, when the keychain was wanted and is not used. */
  readonly onFallback: (line: string) => void;
  /** A session that is renewed stays where it is; a login chooses anew. */
  readonly isRenewal?: boolean;
}

/**
 * Keeps a credential in the chosen store. Without a choice, now or at an earlier login, the keychain is tried first and a
 * file of mode 0600 is the fallback. What the other store had is removed.
 */
export async function writeCredential(
  settings: Settings,
  credential: Credential,
  { onFallback, isRenewal = false }: KeepOptions,
): Promise<StoreKind> {
  const text = encodeCredential(credential);
  const previous = findLogin(settings);
  const { storeChoice } = settings;
  let store = (isRenewal ? previous?.store : undefined) ?? wantedStore(settings, previous);
  const isChosen = storeChoice !== undefined || (previous?.isChosen === true && store === previous.store);
  if (store === 'keychain') {
    const { KeychainError, writeKeychain } = await loadKeychain();
    try {
      await writeKeychain(settings.sessionBus, entryName(settings), text);
    } catch (error) {
      if (storeChoice === 'keychain' || !(error instanceof KeychainError)) throw error;
      store = 'file';
      const how = settings.passphrase === undefined ? 'a file that only you can read' : 'an encrypted file';
      onFallback(`${error.message}; keeping the credential in ${how}: ${credentialPath(settings)}`);
    }
  }
  if (store === 'file') await writeCredentialFile(fileOf(settings), entryName(settings), text);
  const login = { account: credential.account, store, ...(isChosen ? { isChosen } : {}) };
  writeLogin(settings, await withoutOtherCopy(settings, login, previous, onFallback));
  return store;
}

/** Two copies would be twice the risk, and the older one would be believed some day. */
async function withoutOtherCopy(
  settings: Settings,
  login: Login,
  previous: Login | undefined,
  onNote: (line: string) => void,
): Promise<Login> {
  if (login.store === 'keychain') {
    if (previous?.store === 'file') await writeCredentialFile(fileOf(settings), entryName(settings), undefined);
    return login;
  }
  if (previous?.store !== 'keychain' && previous?.isLeftInKeychain !== true) return login;
  const { deleteKeychain, KeychainError } = await loadKeychain();
  try {
    await deleteKeychain(settings.sessionBus, entryName(settings));
    return login;
  } catch (error) {
    if (!(error instanceof KeychainError)) throw error;
    if (previous.store === 'keychain')
      onNote('an older credential stays in the keychain until a login or logout can remove it');
    return { ...login, isLeftInKeychain: true };
  }
}

/** Forgets the credential here. Reports a store that cannot be reached only after the login is forgotten. */
export async function deleteCredential(settings: Settings): Promise<void> {
  const login = findLogin(settings);
  writeLogin(settings, undefined);
  if (login?.store === 'file') await writeCredentialFile(fileOf(settings), entryName(settings), undefined);
  if (login?.store === 'keychain' || login?.isLeftInKeychain === true) {
    const { deleteKeychain } = await loadKeychain();
    await deleteKeychain(settings.sessionBus, entryName(settings));
  }
}
