// Passwords come from a prompt, standard input or the environment, never from the command line: those are seen by `ps`.
import { text as readStream } from 'node:stream/consumers';
import { read } from 'read';
import { ClientError } from '../client/errors.js';

export interface PasswordSource {
  /** From JAYCLOUD_PASSWORD. */
  readonly environment: string | undefined;
  /** `--password-stdin`. */
  readonly fromStdin: boolean;
}

async function prompt(question: string): Promise<string> {
  try {
    return await read({ prompt: question, silent: true, output: process.stderr });
  } catch (cause) {
    throw new ClientError('interrupted', 'interrupted', undefined, { cause });
  } finally {
    // The Enter of a hidden answer is hidden too.
    process.stderr.write('\n');
  }
}

/** `isNew` asks twice. Throws ClientError `usage` where there is no terminal and no other source. */
export async function readPassword(source: PasswordSource, account: string, isNew: boolean): Promise<string> {
  if (source.fromStdin) {
    const line = (await readStream(process.stdin)).replace(/\r?\n$/, '');
    if (line === '') throw new ClientError('usage', 'standard input holds no password');
    return line;
  }
  if (source.environment !== undefined) return source.environment;
  if (!process.stdin.isTTY) {
    throw new ClientError(
      'usage',
      'there is no terminal to ask for a password',
      'use --password-stdin or JAYCLOUD_PASSWORD',
    );
  }
  const password = await prompt(`${isNew ? 'New password' : 'Password'} for ${account}: `);
  if (isNew && (await prompt('Again: ')) !== password) throw new ClientError('usage', 'the two passwords differ');
  return password;
}
