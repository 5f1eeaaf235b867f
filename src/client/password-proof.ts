// The client's half of OPAQUE (docs/protocol.md, "Accounts"): a password is made known to the daemon, or proved to it,
// without going there. What comes back is the key that wraps the account root.
import * as opaque from '@serenity-kit/opaque';
import { sha256 } from '../protocol/blob-id.js';
import { fromBase64, toBase64, utf8 } from '../protocol/bytes.js';
import { standardKeyStretching } from '../protocol/key-stretching.js';
import * as limits from '../protocol/limits.js';
import type { KeyStretching } from '../protocol/messages.js';
import { challengeBinding } from '../protocol/proof-of-work.js';
import type { DaemonApi } from './daemon-api.js';
import { ClientError, integrityError } from './errors.js';
import { derivePasswordWrapKey } from './key-hierarchy.js';
import type { PaidSolver } from './paid-solver.js';

const passwordBytesMax = 1024;

/** Two spellings of the same password are one; throws ClientError `usage` for an empty or endless one. */
export function normalizePassword(password: string): string {
  const normal = password.normalize('NFKC');
  if (normal === '') throw new ClientError('usage', 'the password is empty');
  if (Buffer.byteLength(normal) > passwordBytesMax) throw new ClientError('usage', 'the password is too long');
  return normal;
}

/** What both ways come to. */
interface PasswordKey {
  readonly wrapKey: Uint8Array;
  /** SHA-256 of the daemon's public key as text: another daemon has another one. */
  readonly daemonKeyHash: Uint8Array;
  readonly keyStretching: KeyStretching;
}

export interface RegisteredPassword extends PasswordKey {
  readonly registrationRecord: string;
}

export interface ProvedPassword extends PasswordKey {
  readonly loginId: string;
  readonly finishLoginRequest: string;
}

/** A new password for `account`. Nothing changes at the daemon before the record is sent there. */
export async function registerPassword(api: DaemonApi, account: string, text: string): Promise<RegisteredPassword> {
  const password = normalizePassword(text);
  await opaque.ready;
  const { clientRegistrationState, registrationRequest } = opaque.client.startRegistration({ password });
  const { registrationResponse } = await api.startRegistration({ account, registrationRequest });
  const keyStretching = standardKeyStretching;
  let finished: opaque.client.FinishRegistrationResult;
  try {
    const state = { password, clientRegistrationState, registrationResponse };
    finished = opaque.client.finishRegistration({ ...state, keyStretching: argon2id(keyStretching) });
  } catch (cause) {
    throw integrityError('the daemon answered the registration with nonsense', cause);
  }
  return { ...passwordKey(finished, keyStretching), registrationRecord: finished.registrationRecord };
}

export interface PasswordToProve {
  readonly account: string;
  readonly password: string;
  readonly solver: PaidSolver;
}

/** Throws ClientError `wrong-credential` for an unknown account and for a wrong password alike. */
export async function provePassword(api: DaemonApi, options: PasswordToProve): Promise<ProvedPassword> {
  const { account, solver } = options;
  const password = normalizePassword(options.password);
  await opaque.ready;
  const binding = toBase64(challengeBinding('login', account));
  const { clientLoginState, startLoginRequest } = opaque.client.startLogin({ password });
  const { loginId, loginResponse, keyStretching } = await solver.pay(
    api,
    { purpose: 'login', binding },
    (proof, ticket) => api.startLogin({ account, startLoginRequest, proof }, ticket),
  );
  checkKeyStretching(keyStretching);
  let finished: opaque.client.FinishLoginResult | undefined;
  try {
    const state = { password, clientLoginState, loginResponse };
    finished = opaque.client.finishLogin({ ...state, keyStretching: argon2id(keyStretching) });
  } catch (cause) {
    throw integrityError('the daemon answered the login with nonsense', cause);
  }
  if (finished === undefined) throw wrongPassword();
  return { ...passwordKey(finished, keyStretching), loginId, finishLoginRequest: finished.finishLoginRequest };
}

export function wrongPassword(): ClientError {
  return new ClientError('wrong-credential', 'wrong account or password');
}

/** Before anything is computed: a daemon may neither weaken the hash of a password nor make it run for ever. */
function checkKeyStretching({ memoryKib, iterations, parallelism }: KeyStretching): void {
  const isWithin =
    memoryKib >= limits.stretchingMemoryKibMin &&
    memoryKib <= limits.stretchingMemoryKibMax &&
    iterations >= limits.stretchingIterationsMin &&
    iterations <= limits.stretchingIterationsMax &&
    parallelism >= limits.stretchingParallelismMin &&
    parallelism <= limits.stretchingParallelismMax;
  if (!isWithin) {
    const told = `${String(memoryKib)} KiB, ${String(iterations)} passes, ${String(parallelism)} lanes`;
    throw integrityError(`the daemon asks to stretch the password with ${told}, which is out of bounds`);
  }
}

function argon2id({ memoryKib: memory, iterations, parallelism }: KeyStretching) {
  return { 'argon2id-custom': { memory, iterations, parallelism } };
}

function passwordKey(
  finished: { readonly exportKey: string; readonly serverStaticPublicKey: string },
  keyStretching: KeyStretching,
): PasswordKey {
  return {
    wrapKey: derivePasswordWrapKey(fromBase64(finished.exportKey)),
    daemonKeyHash: sha256(utf8(finished.serverStaticPublicKey)),
    keyStretching,
  };
}
