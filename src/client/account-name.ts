// Names of accounts, apart from what logs in with them: that loads packages which most commands never need.
import { accountNamePattern } from '../protocol/limits.js';
import { ClientError } from './errors.js';

/** Account names are lower case; throws ClientError `usage` for what cannot be one. */
export function checkAccountName(text: string): string {
  const name = text.toLowerCase();
  if (!accountNamePattern.test(name)) {
    throw new ClientError('usage', `'${text}' cannot be an account name`, 'up to 64 of a-z, 0-9 and . _ @ + -');
  }
  return name;
}

/** The account of a local vault that nobody registered. */
export const localAccount = 'local';
