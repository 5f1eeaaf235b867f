// What the program and the process that talks to the keychain say to each other.

export interface KeychainRequest {
  /** `load` only finds out whether the package works. */
  readonly operation: 'load' | 'read' | 'write' | 'delete';
  readonly service: string;
  readonly entry: string;
  readonly secret: string | undefined;
}

/** `value`: the secret, or an empty text for something done; null where there is no such entry. */
export type KeychainAnswer =
  | { readonly value: string | null }
  | { readonly fault: 'package-missing' | 'library-missing' | 'forgetful' | 'failed'; readonly detail: string };
