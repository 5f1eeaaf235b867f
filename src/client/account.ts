// Registration and login (docs/protocol.md, "Accounts"): OPAQUE proves the password, its export key opens the envelope
// with the account root, and everything else follows from that (docs/format.md, "Keys").
import { randomBytes } from 'node:crypto';
import * as opaque from '@serenity-kit/opaque';
import { sha256 } from '../protocol/blob-id.js';
import { concatBytes, equalBytes, fromBase64, fromHex, toBase64, toHex, utf8 } from '../protocol/bytes.js';
import { ed25519PrivateKey, ed25519PublicKeyOf } from '../protocol/ed25519.js';
import { ProtocolError } from '../protocol/errors.js';
import type { CreateSessionResponse, Session } from '../protocol/messages.js';
import { challengeBinding } from '../protocol/proof-of-work.js';
import { checkAccountName } from './account-name.js';
import type { Credential } from './credentials.js';
import type { DaemonApi } from './daemon-api.js';
import { openEnvelope, sealEnvelope } from './envelope.js';
import { ClientError, integrityError } from './errors.js';
import {
  deriveAccountKeys,
  derivePasswordWrapKey,
  deriveRecoveryKeys,
  deriveVaultKeys,
  secretBytes,
} from './key-hierarchy.js';
import type { PaidSolver } from './paid-solver.js';
import { vaultKeyPair } from './sealed-body.js';
import { currentKeys } from './vault.js';

/** Argon2id of RFC 9106's second recommendation. The client alone chooses it, so no daemon can weaken it. */
const keyStretching = { 'argon2id-custom': { iterations: 3, memory: 65_536, parallelism: 4 } } as const;

const passwordPurpose = 'root/password';
const recoveryPurpose = 'root/recovery';
const vaultPurpose = 'vault';
const passwordBytesMax = 1024;

/** Two spellings of the same password are one; throws ClientError `usage` for an empty or endless one. */
function normalizePassword(password: string): string {
  const normal = password.normalize('NFKC');
  if (normal === '') throw new ClientError('usage', 'the password is empty');
  if (Buffer.byteLength(normal) > passwordBytesMax) throw new ClientError('usage', 'the password is too long');
  return normal;
}

export interface Registration {
  readonly credential: Credential;
  /** 32 bytes: the only other way into the account. Shown once, kept nowhere. */
  readonly recoveryKey: Uint8Array;
}

/** `label` tells the account's sessions apart, a host name for instance. */
export interface LoginOptions {
  readonly account: string;
  readonly password: string;
  readonly label: string;
  readonly solver: PaidSolver;
}

/** Makes an account with its personal vault. Throws ProtocolError `account-exists` where the name is taken. */
export async function register(api: DaemonApi, options: LoginOptions): Promise<Registration> {
  const account = checkAccountName(options.account);
  const password = normalizePassword(options.password);
  await opaque.ready;
  const binding = toBase64(challengeBinding('register', account));
  const proof = options.solver.pay(api, { purpose: 'register', binding });
  // Awaited at the end: the price is paid while the password is stretched.
  proof.catch(() => undefined);
  const { clientRegistrationState, registrationRequest } = opaque.client.startRegistration({ password });
  const { registrationResponse } = await api.startRegistration({ account, registrationRequest });
  const finished = finishRegistration({ password, clientRegistrationState, registrationResponse });
  const accountId = toHex(randomBytes(16));
  const vaultId = toHex(randomBytes(16));
  const root = new Uint8Array(randomBytes(secretBytes));
  const vaultSecret = new Uint8Array(randomBytes(secretBytes));
  const recoveryKey = new Uint8Array(randomBytes(secretBytes));
  const accountKeys = deriveAccountKeys(root);
  const recovery = deriveRecoveryKeys(recoveryKey);
  const context = fromHex(accountId);
  // The daemon's OPAQUE key is remembered inside: another one at a later login is noticed.
  const remembered = concatBytes(root, sha256(utf8(finished.serverStaticPublicKey)));
  const passwordKey = derivePasswordWrapKey(fromBase64(finished.exportKey));
  const { session } = await api.createAccount({
    account,
    accountId,
    registrationRecord: finished.registrationRecord,
    keys: {
      identityPublicKey: toBase64(ed25519PublicKeyOf(ed25519PrivateKey(accountKeys.identitySeed))),
      recoveryPublicKey: toBase64(ed25519PublicKeyOf(ed25519PrivateKey(recovery.signingSeed))),
      passwordEnvelope: toBase64(sealEnvelope(passwordKey, passwordPurpose, context, remembered)),
      recoveryEnvelope: toBase64(sealEnvelope(recovery.wrapKey, recoveryPurpose, context, remembered)),
      vaultId,
      vaultPublicKey: toBase64((await vaultKeyPair(deriveVaultKeys(vaultSecret).hpkeSeed)).publicKey),
      vaultEnvelope: toBase64(
        sealEnvelope(accountKeys.vaultWrapKey, vaultPurpose, concatBytes(context, fromHex(vaultId)), vaultSecret),
      ),
    },
    label: options.label,
    proof: await proof,
  });
  const opened = { account, accountId, vaultId, root, vaultSecrets: [vaultSecret] };
  return { credential: newCredential(session, opened), recoveryKey };
}

function finishRegistration(state: {
  password: string;
  clientRegistrationState: string;
  registrationResponse: string;
}): opaque.client.FinishRegistrationResult {
  try {
    return opaque.client.finishRegistration({ ...state, keyStretching });
  } catch (cause) {
    throw integrityError('the daemon answered the registration with nonsense', cause);
  }
}

/** Logs in; throws ClientError `wrong-credential` for an unknown account and for a wrong password alike. */
export async function login(api: DaemonApi, options: LoginOptions): Promise<Credential> {
  const account = checkAccountName(options.account);
  const password = normalizePassword(options.password);
  await opaque.ready;
  const proof = await options.solver.pay(api, {
    purpose: 'login',
    binding: toBase64(challengeBinding('login', account)),
  });
  const { clientLoginState, startLoginRequest } = opaque.client.startLogin({ password });
  const { loginId, loginResponse } = await api.startLogin({ account, startLoginRequest, proof });
  const finished = finishLogin({ password, clientLoginState, loginResponse });
  if (finished === undefined) throw wrongCredential();
  let answer: CreateSessionResponse;
  try {
    const { finishLoginRequest } = finished;
    answer = await api.createSession({ loginId, finishLoginRequest, label: options.label });
  } catch (error) {
    if (error instanceof ProtocolError && error.code === 'login-failed') throw wrongCredential();
    throw error;
  }
  return openKeyring(account, answer, finished);
}

function wrongCredential(): ClientError {
  return new ClientError('wrong-credential', 'wrong account or password');
}

function finishLogin(state: {
  password: string;
  clientLoginState: string;
  loginResponse: string;
}): opaque.client.FinishLoginResult | undefined {
  try {
    return opaque.client.finishLogin({ ...state, keyStretching });
  } catch (cause) {
    throw integrityError('the daemon answered the login with nonsense', cause);
  }
}

/** Opens what the daemon keeps for the account and checks that it all belongs together. */
async function openKeyring(
  account: string,
  answer: CreateSessionResponse,
  finished: opaque.client.FinishLoginResult,
): Promise<Credential> {
  const { accountId, keys, session } = answer;
  if (answer.account !== account) throw integrityError('the daemon answered for another account');
  const context = fromHex(accountId);
  const passwordKey = derivePasswordWrapKey(fromBase64(finished.exportKey));
  const remembered = openOwn(passwordKey, passwordPurpose, context, fromBase64(keys.passwordEnvelope));
  const root = remembered.slice(0, secretBytes);
  if (!equalBytes(remembered.subarray(secretBytes), sha256(utf8(finished.serverStaticPublicKey)))) {
    throw integrityError('the daemon has another login key than when the account was made');
  }
  const { identitySeed, vaultWrapKey } = deriveAccountKeys(root);
  const vaultId = keys.vaultId;
  const vaultSecrets = splitSecrets(
    openOwn(vaultWrapKey, vaultPurpose, concatBytes(context, fromHex(vaultId)), fromBase64(keys.vaultEnvelope)),
  );
  const identity = ed25519PublicKeyOf(ed25519PrivateKey(identitySeed));
  const { publicKey } = await vaultKeyPair(currentKeys(vaultSecrets).hpkeSeed);
  const fits =
    equalBytes(identity, fromBase64(keys.identityPublicKey)) && equalBytes(publicKey, fromBase64(keys.vaultPublicKey));
  if (!fits) throw integrityError('the daemon keeps other public keys than those of the account');
  return newCredential(session, { account, accountId, vaultId, root, vaultSecrets });
}

type OpenedKeyring = Pick<Credential, 'account' | 'accountId' | 'vaultId' | 'root' | 'vaultSecrets'>;

/** The session gets a signing key of its own, which never leaves this machine. */
function newCredential(session: Session, opened: OpenedKeyring): Credential {
  const signingSeed = new Uint8Array(randomBytes(secretBytes));
  return { ...opened, sessionId: session.id, sessionSecret: session.secret, signingSeed, password: undefined };
}

/** The password is right by now, so an envelope that does not open was exchanged or damaged. */
function openOwn(key: Uint8Array, purpose: string, context: Uint8Array, envelope: Uint8Array): Uint8Array {
  try {
    return openEnvelope(key, purpose, context, envelope);
  } catch (cause) {
    throw integrityError('the daemon keeps keys that are not those of the account', cause);
  }
}

/** The vault's secrets before and after each rotation, oldest first. */
function splitSecrets(joined: Uint8Array): Uint8Array[] {
  if (joined.length === 0 || joined.length % secretBytes !== 0)
    throw integrityError('the vault envelope has a bad length');
  return Array.from({ length: joined.length / secretBytes }, (_, at) =>
    joined.slice(at * secretBytes, (at + 1) * secretBytes),
  );
}
