// The way in without a password (docs/protocol.md, "Recovery"): the recovery key signs for the keyring and opens it. A
// rehearsal goes the whole way but for the last request, the one that changes something.
import { randomBytes } from 'node:crypto';
import type { OpenRecoveryResponse } from '../protocol/account-messages.js';
import { fromBase64, toBase64 } from '../protocol/bytes.js';
import { ed25519PrivateKey, ed25519PublicKeyOf } from '../protocol/ed25519.js';
import { ProtocolError } from '../protocol/errors.js';
import { challengeBinding } from '../protocol/proof-of-work.js';
import { recoveryFinishBytes, recoveryOpenBytes, signRecovery } from '../protocol/recovery-proof.js';
import { newCredential, sendNewPassword } from './account.js';
import { checkAccountName } from './account-name.js';
import type { Credential } from './credentials.js';
import type { DaemonApi } from './daemon-api.js';
import { ClientError, integrityError } from './errors.js';
import { deriveRecoveryKeys } from './key-hierarchy.js';
import { checkDaemonKey, type OpenedKeyring, openKeyring, sealRoot } from './keyring.js';
import type { PaidSolver } from './paid-solver.js';
import { normalizePassword, type RegisteredPassword, registerPassword } from './password-proof.js';

interface RecoveryOptions {
  readonly account: string;
  /** 32 bytes. */
  readonly recoveryKey: Uint8Array;
  readonly solver: PaidSolver;
}

interface OpenedRecovery {
  readonly recoveryId: string;
  readonly challenge: Uint8Array;
  readonly keyring: OpenedKeyring;
  readonly registered: RegisteredPassword;
}

/** Throws ClientError `wrong-credential` for an unknown account and for a wrong key alike, `integrity` for what does not fit. */
async function openRecovery(api: DaemonApi, options: RecoveryOptions, password: string): Promise<OpenedRecovery> {
  const { recoveryKey, solver } = options;
  const account = checkAccountName(options.account);
  normalizePassword(password);
  const { wrapKey, signingSeed } = deriveRecoveryKeys(recoveryKey);
  const signingKey = ed25519PrivateKey(signingSeed);
  const paid = { purpose: 'login', binding: toBase64(challengeBinding('login', account)) } as const;
  const started = await solver.pay(api, paid, (proof, ticket) => api.startRecovery({ account, proof }, ticket));
  const { recoveryId } = started;
  const challenge = fromBase64(started.challenge);
  const signature = toBase64(signRecovery(signingKey, recoveryOpenBytes(challenge, account)));
  let answer: OpenRecoveryResponse;
  try {
    answer = await api.openRecovery({ recoveryId, signature });
  } catch (error) {
    if (error instanceof ProtocolError && error.code === 'login-failed') {
      throw new ClientError('wrong-credential', 'wrong account or recovery key');
    }
    throw error;
  }
  if (toBase64(ed25519PublicKeyOf(signingKey)) !== answer.keys.recoveryPublicKey) {
    throw integrityError('the daemon keeps another recovery key than the one that it took');
  }
  const keyring = await openKeyring(account, answer, 'root/recovery', wrapKey);
  const registered = await registerPassword(api, account, password);
  checkDaemonKey(keyring, registered.daemonKeyHash);
  return { recoveryId, challenge, keyring, registered };
}

/** Gives the account a new password and logs in; every session that there was ends, and their number comes back. */
export async function recover(
  api: DaemonApi,
  options: RecoveryOptions & { readonly password: string; readonly label: string },
): Promise<{ credential: Credential; endedSessions: number }> {
  const { recoveryId, challenge, keyring, registered } = await openRecovery(api, options, options.password);
  const { accountId, root, daemonKeyHash } = keyring;
  const { registrationRecord, keyStretching, wrapKey } = registered;
  const passwordEnvelope = sealRoot(wrapKey, 'root/password', accountId, { root, daemonKeyHash, keyStretching });
  const parts = { registrationRecord, keyStretching, passwordEnvelope };
  const { signingSeed } = deriveRecoveryKeys(options.recoveryKey);
  const bytes = recoveryFinishBytes(challenge, parts);
  const signature = toBase64(signRecovery(ed25519PrivateKey(signingSeed), bytes));
  const request = { recoveryId, signature, ...parts, label: options.label };
  const hint = 'log in with the new password; where that fails, recover again';
  const { session, endedSessions } = await sendNewPassword(() => api.finishRecovery(request), hint);
  return { credential: newCredential(session, keyring), endedSessions };
}

/** Proves that the recovery key opens the account, and changes nothing; returns what it opened. */
export async function rehearseRecovery(api: DaemonApi, options: RecoveryOptions): Promise<OpenedKeyring> {
  // Any password will do: its registration tells the daemon's key, and is then forgotten.
  return (await openRecovery(api, options, toBase64(randomBytes(32)))).keyring;
}
