// What a script learns from how the program ends (docs/cli.md, "Exit codes").
import { ClientError, type ClientErrorCode } from '../client/errors.js';
import { type ErrorCode, ProtocolError } from '../protocol/errors.js';

/** Done, but some sources were unreadable or some entries could not be restored. */
export const exitPartial = 3;

const clientExits: Readonly<Record<ClientErrorCode, number>> = {
  failed: 1,
  usage: 2,
  'nothing-matched': 4,
  'not-found': 10,
  conflict: 11,
  'not-logged-in': 12,
  'wrong-credential': 12,
  forbidden: 12,
  quota: 13,
  refused: 14,
  integrity: 15,
  unreachable: 16,
  interrupted: 130,
};

interface Meaning {
  readonly code: ClientErrorCode;
  readonly hint?: string;
}

const scopeHint = "'jaycloud whoami' shows what the token may do; 'jaycloud token create --scope' makes another one";
const integrityHint = 'nothing of it was used: the daemon may be damaged or lying; try again, then ask its operator';
const laterHint = 'the daemon is busy; try again later';

/** What a refusal of the daemon means to the user. */
const wireMeanings: Readonly<Record<ErrorCode, Meaning>> = {
  malformed: { code: 'failed', hint: 'are client and daemon of versions that fit together?' },
  'unsupported-version': { code: 'failed', hint: 'are client and daemon of versions that fit together?' },
  unauthenticated: { code: 'not-logged-in', hint: 'log in: jaycloud login ACCOUNT' },
  'login-failed': { code: 'wrong-credential' },
  'token-expired': { code: 'wrong-credential', hint: 'make a new one: jaycloud token create' },
  'token-revoked': { code: 'wrong-credential', hint: 'ask whoever made it' },
  forbidden: { code: 'failed' },
  'author-refused': { code: 'forbidden', hint: 'log in again' },
  'token-account-refused': { code: 'forbidden', hint: 'unset JAYCLOUD_TOKEN and log in' },
  'token-list-refused': { code: 'forbidden', hint: scopeHint },
  'token-pull-refused': { code: 'forbidden', hint: scopeHint },
  'token-push-refused': { code: 'forbidden', hint: scopeHint },
  'token-delete-refused': { code: 'forbidden', hint: scopeHint },
  'token-name-refused': { code: 'forbidden', hint: 'give a name that begins with its prefix: --name' },
  'foreign-origin': { code: 'failed', hint: 'a proxy adds an Origin header' },
  'challenge-invalid': { code: 'refused', hint: laterHint },
  'challenge-expired': { code: 'refused', hint: laterHint },
  'challenge-spent': { code: 'refused', hint: laterHint },
  'proof-insufficient': { code: 'refused', hint: laterHint },
  'grant-invalid': { code: 'refused', hint: laterHint },
  'grant-exhausted': { code: 'refused', hint: laterHint },
  'not-found': { code: 'not-found' },
  'method-not-allowed': { code: 'failed', hint: 'is this a JayCloud daemon?' },
  'request-timeout': { code: 'unreachable' },
  conflict: { code: 'conflict', hint: 'somebody else was faster, again and again; try again' },
  'account-exists': { code: 'conflict', hint: 'log in with it, or choose another name' },
  'children-missing': { code: 'failed', hint: 'push again with --reread' },
  'root-missing': { code: 'failed', hint: 'push again with --reread' },
  'too-large': { code: 'failed' },
  'blob-invalid': { code: 'failed', hint: 'the data was damaged on its way, or this machine has a fault' },
  'signature-invalid': { code: 'failed' },
  'invite-invalid': { code: 'forbidden', hint: 'ask the operator of the daemon for another invitation' },
  'not-admitted': {
    code: 'refused',
    hint: 'the daemon is under load: try later, or allow more with --pow-max SECONDS',
  },
  'query-limit': {
    code: 'refused',
    hint: 'the limit ends with the day, in UTC; what is stored completely does not count',
  },
  'rate-limited': { code: 'refused', hint: laterHint },
  internal: { code: 'failed', hint: "the daemon's log says more" },
  unavailable: { code: 'unreachable', hint: laterHint },
  'quota-exceeded': { code: 'quota', hint: 'ask the operator of the daemon for more room' },
  'token-quota-exceeded': { code: 'quota', hint: 'make a token with a larger quota: jaycloud token create --quota' },
};

/** An error as the user gets it; undefined for a bug. */
export interface Explanation {
  readonly code: ClientErrorCode;
  readonly exit: number;
  readonly message: string;
  readonly hint: string | undefined;
}

export function explain(error: unknown): Explanation | undefined {
  if (error instanceof ClientError) {
    const { code, message, hint } = error;
    const usual = code === 'integrity' ? integrityHint : undefined;
    return { code, exit: clientExits[code], message, hint: hint ?? usual };
  }
  if (error instanceof ProtocolError) {
    const { code, hint } = wireMeanings[error.code];
    return { code, exit: clientExits[code], message: error.message, hint };
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return { code: 'interrupted', exit: clientExits.interrupted, message: 'interrupted', hint: undefined };
  }
  return undefined;
}
