// Registration, login and another password (docs/protocol.md, "Accounts"): a proved password opens the envelope with the
// account root, and everything else follows from that (docs/format.md, "Keys").
import { randomBytes } from 'node:crypto';
import { equalBytes, toBase64, toHex } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';
import { encodeKeyStretching } from '../protocol/key-stretching.js';
import type { CreateSessionResponse, Session } from '../protocol/messages.js';
import { challengeBinding } from '../protocol/proof-of-work.js';
import { checkAccountName } from './account-name.js';
import type { Credential } from './credentials.js';
import type { DaemonApi } from './daemon-api.js';
import { ClientError, integrityError } from './errors.js';
import { deriveRecoveryKeys, secretBytes } from './key-hierarchy.js';
import { checkDaemonKey, createKeyring, openKeyring, sealRoot } from './keyring.js';
import type { PaidSolver } from './paid-solver.js';
import { normalizePassword, provePassword, registerPassword, wrongPassword } from './password-proof.js';

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

/** `invite`: base64 of the secret of an invitation, which makes registration cheap. */
export interface RegisterOptions extends LoginOptions {
  readonly invite?: string | undefined;
}

/**
 * Makes an account with its personal vault. Throws ProtocolError `account-exists` where the name is taken, and
 * `invite-invalid`.
 */
export async function register(api: DaemonApi, options: RegisterOptions): Promise<Registration> {
  const account = checkAccountName(options.account);
  normalizePassword(options.password);
  const binding = toBase64(challengeBinding('register', account));
  // The price is paid while the password is stretched.
  const made = makeAccount(api, account, options);
  made.catch(() => undefined);
  const { invite } = options;
  const paid = { purpose: 'register', binding, ...(invite !== undefined && { invite }) } as const;
  const { session } = await options.solver.pay(api, paid, async (proof, ticket) => {
    const { request } = await made;
    return api.createAccount({ ...request, ...(invite !== undefined && { invite }), proof }, ticket);
  });
  const { opened, recoveryKey } = await made;
  return { credential: newCredential(session, opened), recoveryKey };
}

async function makeAccount(api: DaemonApi, account: string, options: LoginOptions) {
  const { registrationRecord, wrapKey, ...remembered } = await registerPassword(api, account, options.password);
  const accountId = toHex(randomBytes(16));
  const vaultId = toHex(randomBytes(16));
  const root = new Uint8Array(randomBytes(secretBytes));
  const vaultSecret = new Uint8Array(randomBytes(secretBytes));
  const recoveryKey = new Uint8Array(randomBytes(secretBytes));
  const keys = await createKeyring({
    accountId,
    vaultId,
    vaultSecrets: [vaultSecret],
    passwordWrapKey: wrapKey,
    recovery: deriveRecoveryKeys(recoveryKey),
    wrapped: { root, ...remembered },
  });
  const { keyStretching } = remembered;
  const { label } = options;
  const request = { account, accountId, registrationRecord, keyStretching, keys, label };
  const opened = { account, accountId, vaultId, root, vaultSecrets: [vaultSecret] };
  return { request, opened, recoveryKey };
}

/** Logs in; throws ClientError `wrong-credential` for an unknown account and for a wrong password alike. */
export async function login(api: DaemonApi, options: LoginOptions): Promise<Credential> {
  const account = checkAccountName(options.account);
  const { loginId, finishLoginRequest, ...proved } = await provePassword(api, { ...options, account });
  let answer: CreateSessionResponse;
  try {
    answer = await api.createSession({ loginId, finishLoginRequest, label: options.label });
  } catch (error) {
    if (error instanceof ProtocolError && error.code === 'login-failed') throw wrongPassword();
    throw error;
  }
  const opened = await openKeyring(account, answer, 'root/password', proved.wrapKey);
  checkDaemonKey(opened, proved.daemonKeyHash);
  if (!equalBytes(opened.stretching, encodeKeyStretching(proved.keyStretching))) {
    throw integrityError('the password was stretched in another way than when it was made');
  }
  return newCredential(answer.session, opened);
}

type OpenedAccount = Pick<Credential, 'account' | 'accountId' | 'vaultId' | 'root' | 'vaultSecrets'>;

/** The session gets a signing key of its own, which never leaves this machine. */
export function newCredential(session: Session, opened: OpenedAccount): Credential {
  const { account, accountId, vaultId, root, vaultSecrets } = opened;
  const signingSeed = new Uint8Array(randomBytes(secretBytes));
  const ids = { account, accountId, vaultId, sessionId: session.id };
  return { ...ids, sessionSecret: session.secret, signingSeed, root, vaultSecrets, password: undefined };
}

export interface PasswordChange {
  /** Its session makes the change and is the only one that stays. */
  readonly credential: Credential;
  readonly password: string;
  readonly newPassword: string;
  readonly solver: PaidSolver;
}

/**
 * Wraps the account root under another password; no data moves. Returns how many other sessions ended. Throws ClientError
 * `wrong-credential` where the present password is wrong.
 */
export async function changePassword(api: DaemonApi, change: PasswordChange): Promise<number> {
  const { credential, password, newPassword, solver } = change;
  const { account, accountId, root } = credential;
  normalizePassword(newPassword);
  const proved = await provePassword(api, { account, password, solver });
  const { registrationRecord, wrapKey, ...remembered } = await registerPassword(api, account, newPassword);
  // The proof has authenticated the daemon's key; the registration alone would take any.
  if (!equalBytes(proved.daemonKeyHash, remembered.daemonKeyHash)) {
    throw integrityError('the daemon has one key for logins and another for registrations');
  }
  const { loginId, finishLoginRequest } = proved;
  const { keyStretching } = remembered;
  const passwordEnvelope = sealRoot(wrapKey, 'root/password', accountId, { root, ...remembered });
  const request = { loginId, finishLoginRequest, registrationRecord, keyStretching, passwordEnvelope };
  const hint = 'the password may have been changed or not: try the new one, then the old one';
  return (await sendNewPassword(() => api.changePassword(request), hint)).endedSessions;
}

/**
 * The one request after which a password is another one. When its answer is lost nobody knows whether it is; a repeat of
 * the request is refused with `login-failed`, because proofs work once. `hint` then says how to find out.
 */
export async function sendNewPassword<T>(send: () => Promise<T>, hint: string): Promise<T> {
  const message = 'the daemon did not confirm the new password';
  try {
    return await send();
  } catch (error) {
    if (error instanceof ProtocolError) {
      if (error.code !== 'login-failed') throw error;
      throw new ClientError('wrong-credential', message, hint, { cause: error });
    }
    if (error instanceof ClientError) throw new ClientError(error.code, message, hint, { cause: error });
    if (error instanceof Error && error.name === 'AbortError') {
      throw new ClientError('interrupted', `interrupted, and ${message}`, hint, { cause: error });
    }
    throw error;
  }
}
