// The closed list of errors that cross the wire (docs/protocol.md, "Errors"). Codes are API: added, never renamed.

/** HTTP status of every wire error code. */
export const errorStatuses = {
  malformed: 400,
  'unsupported-version': 400,
  unauthenticated: 401,
  'login-failed': 401,
  'token-expired': 401,
  'token-revoked': 401,
  forbidden: 403,
  'author-refused': 403,
  'token-account-refused': 403,
  'token-list-refused': 403,
  'token-pull-refused': 403,
  'token-push-refused': 403,
  'token-delete-refused': 403,
  'token-name-refused': 403,
  'foreign-origin': 403,
  'challenge-invalid': 403,
  'challenge-expired': 403,
  'challenge-spent': 403,
  'proof-insufficient': 403,
  'invite-invalid': 403,
  'grant-invalid': 403,
  'grant-exhausted': 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'request-timeout': 408,
  conflict: 409,
  'account-exists': 409,
  'children-missing': 409,
  'root-missing': 409,
  'too-large': 413,
  'blob-invalid': 422,
  'signature-invalid': 422,
  'rate-limited': 429,
  'not-admitted': 429,
  'query-limit': 429,
  internal: 500,
  unavailable: 503,
  'quota-exceeded': 507,
  'token-quota-exceeded': 507,
} as const;

export type ErrorCode = keyof typeof errorStatuses;

export const errorCodes = Object.keys(errorStatuses) as readonly ErrorCode[];

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorStatuses, text);
}

/** When a proof that was not admitted may come again; the ticket is shown then. */
export interface Retry {
  readonly ticket: string;
  /** ISO 8601, UTC. */
  readonly notBefore: string;
}

/** The only kind of error that leaves the daemon; the client turns the body back into it. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: ErrorCode;
  /** Of `not-admitted` alone. */
  readonly retry: Retry | undefined;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { readonly retry?: Retry }) {
    super(message, options);
    this.code = code;
    this.retry = options?.retry;
  }
}
