// What the daemon keeps for an account and cannot open (docs/format.md, "Envelopes"): the account root under password and
// recovery key, the vault secret under the root. Whatever comes back is checked against everything else.
import { concatBytes, equalBytes, fromBase64, fromHex, toBase64 } from '../protocol/bytes.js';
import { ed25519PrivateKey, ed25519PublicKeyOf } from '../protocol/ed25519.js';
import { encodeKeyStretching, keyStretchingBytes, standardKeyStretching } from '../protocol/key-stretching.js';
import type { CreateAccountRequest, KeyStretching } from '../protocol/messages.js';
import { openEnvelope, sealEnvelope } from './envelope.js';
import { integrityError } from './errors.js';
import { currentVaultKeys, deriveAccountKeys, type RecoveryKeys, secretBytes } from './key-hierarchy.js';
import { vaultKeyPair } from './sealed-body.js';

type AccountKeysAnswer = CreateAccountRequest['keys'];
type RootPurpose = 'root/password' | 'root/recovery';

const vaultPurpose = 'vault';
const hashBytes = 32;

/** What an envelope of the root holds. */
export interface WrappedRoot {
  readonly root: Uint8Array;
  /** Of the daemon that the account was made at: another one at a later login is noticed. */
  readonly daemonKeyHash: Uint8Array;
  /** Of the password; in the envelope of the recovery key those of the first one, which nothing depends on. */
  readonly keyStretching: KeyStretching;
}

/** The envelope as base64. */
export function sealRoot(wrapKey: Uint8Array, purpose: RootPurpose, accountId: string, wrapped: WrappedRoot): string {
  const plaintext = concatBytes(wrapped.root, wrapped.daemonKeyHash, encodeKeyStretching(wrapped.keyStretching));
  return toBase64(sealEnvelope(wrapKey, purpose, fromHex(accountId), plaintext));
}

function decodeRoot(plaintext: Uint8Array): Omit<WrappedRoot, 'keyStretching'> & { readonly stretching: Uint8Array } {
  const clearBytes = secretBytes + hashBytes;
  if (plaintext.length !== clearBytes + keyStretchingBytes && plaintext.length !== clearBytes) {
    throw integrityError('the wrapped account root has a bad length');
  }
  // Accounts were made without the parameters once, and always with the standard ones.
  const isShort = plaintext.length === clearBytes;
  return {
    root: plaintext.slice(0, secretBytes),
    daemonKeyHash: plaintext.slice(secretBytes, clearBytes),
    stretching: isShort ? encodeKeyStretching(standardKeyStretching) : plaintext.slice(clearBytes),
  };
}

/** The keyring of a new account. */
export async function createKeyring(options: {
  readonly accountId: string;
  readonly vaultId: string;
  /** Oldest first. */
  readonly vaultSecrets: readonly Uint8Array[];
  readonly passwordWrapKey: Uint8Array;
  readonly recovery: RecoveryKeys;
  readonly wrapped: WrappedRoot;
}): Promise<AccountKeysAnswer> {
  const { accountId, vaultId, vaultSecrets, passwordWrapKey, recovery, wrapped } = options;
  const { identitySeed, vaultWrapKey } = deriveAccountKeys(wrapped.root);
  const context = concatBytes(fromHex(accountId), fromHex(vaultId));
  return {
    identityPublicKey: toBase64(ed25519PublicKeyOf(ed25519PrivateKey(identitySeed))),
    recoveryPublicKey: toBase64(ed25519PublicKeyOf(ed25519PrivateKey(recovery.signingSeed))),
    passwordEnvelope: sealRoot(passwordWrapKey, 'root/password', accountId, wrapped),
    recoveryEnvelope: sealRoot(recovery.wrapKey, 'root/recovery', accountId, wrapped),
    vaultId,
    vaultPublicKey: toBase64((await vaultKeyPair(currentVaultKeys(vaultSecrets).hpkeSeed)).publicKey),
    vaultEnvelope: toBase64(sealEnvelope(vaultWrapKey, vaultPurpose, context, concatBytes(...vaultSecrets))),
  };
}

/** What the daemon gives to whoever has proved something. */
export interface KeyringAnswer {
  readonly account: string;
  readonly accountId: string;
  readonly keys: AccountKeysAnswer;
}

export interface OpenedKeyring {
  readonly account: string;
  readonly accountId: string;
  readonly vaultId: string;
  readonly root: Uint8Array;
  /** Oldest first. */
  readonly vaultSecrets: readonly Uint8Array[];
  readonly daemonKeyHash: Uint8Array;
  /** Encoded Argon2id parameters. */
  readonly stretching: Uint8Array;
}

/** Opens the keyring and checks that it all belongs together; throws ClientError `integrity`. `account` was asked for. */
export async function openKeyring(
  account: string,
  { account: answered, accountId, keys }: KeyringAnswer,
  purpose: RootPurpose,
  wrapKey: Uint8Array,
): Promise<OpenedKeyring> {
  if (answered !== account) throw integrityError('the daemon answered for another account');
  const rootEnvelope = purpose === 'root/password' ? keys.passwordEnvelope : keys.recoveryEnvelope;
  const opened = decodeRoot(openOwn(wrapKey, purpose, fromHex(accountId), rootEnvelope));
  const { identitySeed, vaultWrapKey } = deriveAccountKeys(opened.root);
  const { vaultId } = keys;
  const context = concatBytes(fromHex(accountId), fromHex(vaultId));
  const vaultSecrets = splitSecrets(openOwn(vaultWrapKey, vaultPurpose, context, keys.vaultEnvelope));
  const identity = ed25519PublicKeyOf(ed25519PrivateKey(identitySeed));
  const { publicKey } = await vaultKeyPair(currentVaultKeys(vaultSecrets).hpkeSeed);
  const fits = toBase64(identity) === keys.identityPublicKey && toBase64(publicKey) === keys.vaultPublicKey;
  if (!fits) throw integrityError('the daemon keeps other public keys than those of the account');
  return { account, accountId, vaultId, vaultSecrets, ...opened };
}

function splitSecrets(joined: Uint8Array): Uint8Array[] {
  if (joined.length === 0 || joined.length % secretBytes !== 0) {
    throw integrityError('the wrapped vault secrets have a bad length');
  }
  return Array.from({ length: joined.length / secretBytes }, (_, at) =>
    joined.slice(at * secretBytes, (at + 1) * secretBytes),
  );
}

/** Throws ClientError `integrity` where the root was wrapped at a daemon with another OPAQUE key. */
export function checkDaemonKey(opened: OpenedKeyring, daemonKeyHash: Uint8Array): void {
  if (!equalBytes(opened.daemonKeyHash, daemonKeyHash)) {
    throw integrityError('the daemon has another login key than when the account was made');
  }
}

/** The password or recovery key is right by now, so an envelope that does not open was exchanged or damaged. */
function openOwn(key: Uint8Array, purpose: string, context: Uint8Array, envelope: string): Uint8Array {
  try {
    return openEnvelope(key, purpose, context, fromBase64(envelope));
  } catch (cause) {
    throw integrityError('the daemon keeps keys that are not those of the account', cause);
  }
}
