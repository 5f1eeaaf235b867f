// What went wrong for the user (docs/cli.md, "Exit codes"): a code that scripts can rely on, a message, a hint what to try.

export type ClientErrorCode =
  | 'failed'
  | 'usage'
  | 'nothing-matched'
  | 'not-found'
  | 'conflict'
  | 'not-logged-in'
  | 'wrong-credential'
  | 'forbidden'
  | 'quota'
  | 'refused'
  | 'integrity'
  | 'unreachable'
  | 'interrupted';

export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;
  readonly hint: string | undefined;

  constructor(code: ClientErrorCode, message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = hint;
  }
}

/** Bytes that are not what their id, key or signature says: nothing of them may be used. */
export function integrityError(message: string, cause?: unknown): ClientError {
  return new ClientError('integrity', message, undefined, cause === undefined ? {} : { cause });
}
