// Secrets that the user gives: passwords and recovery keys. They come from a prompt, standard input or the environment,
// never from the command line: that is seen by `ps`.
import { ClientError } from '../client/errors.js';

/** Nobody types more; a wrong file on standard input should not fill the memory. */
const stdinBytesMax = 64 * 1024;

export interface PasswordSource {
  /** From JAYCLOUD_PASSWORD. */
  readonly environment: string | undefined;
  /** `--password-stdin`. */
  readonly fromStdin: boolean;
}

async function prompt(question: string): Promise<string> {
  const { read } = await import('read');
  try {
    return await read({ prompt: question, silent: true, output: process.stderr });
  } catch (cause) {
    throw new ClientError('interrupted', 'interrupted', undefined, { cause });
  } finally {
    // The Enter of a hidden answer is hidden too.
    process.stderr.write('\n');
  }
}

async function readStdin(): Promise<string> {
  const pieces: Buffer[] = [];
  let lengthBytes = 0;
  for await (const piece of process.stdin as AsyncIterable<Buffer>) {
    lengthBytes += piece.length;
    if (lengthBytes > stdinBytesMax) throw new ClientError('usage', 'standard input is too long for a secret');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** One line of standard input for each of `what`, in this order, and nothing after them. */
async function readStdinLines(what: readonly string[]): Promise<string[]> {
  const lines = (await readStdin()).replace(/(?:\r?\n)+$/, '').split(/\r?\n/);
  if (lines.length !== what.length || lines.includes('')) {
    throw new ClientError('usage', `standard input must hold ${what.join(' and then ')}, one line each`);
  }
  return lines;
}

function checkTerminal(what: string, hint: string): void {
  if (!process.stdin.isTTY) throw new ClientError('usage', `there is no terminal to ask for ${what}`, hint);
}

async function promptNew(account: string): Promise<string> {
  const password = await prompt(`New password for ${account}: `);
  if ((await prompt('Again: ')) !== password) throw new ClientError('usage', 'the two passwords differ');
  return password;
}

/** `isNew` asks twice. Throws ClientError `usage` where there is no terminal and no other source. */
export async function readPassword(source: PasswordSource, account: string, isNew: boolean): Promise<string> {
  if (source.fromStdin) {
    const line = (await readStdin()).replace(/\r?\n$/, '');
    if (line === '') throw new ClientError('usage', 'standard input holds no password');
    return line;
  }
  if (source.environment !== undefined) return source.environment;
  checkTerminal('a password', 'use --password-stdin or JAYCLOUD_PASSWORD');
  return isNew ? promptNew(account) : prompt(`Password for ${account}: `);
}

export interface PasswordChangeSource extends PasswordSource {
  /** From JAYCLOUD_NEW_PASSWORD. */
  readonly newEnvironment: string | undefined;
  /** The present password, where this machine knows it itself. */
  readonly known: string | undefined;
}

/** The present password and the next one. What no variable gives comes from standard input or a prompt, in this order. */
export async function readPasswordChange(
  source: PasswordChangeSource,
  account: string,
): Promise<{ password: string; newPassword: string }> {
  let password = source.known ?? source.environment;
  let newPassword = source.newEnvironment;
  if (source.fromStdin) {
    const missing = [
      ...(password === undefined ? ['the present password'] : []),
      ...(newPassword === undefined ? ['the new password'] : []),
    ];
    const lines = missing.length === 0 ? [] : await readStdinLines(missing);
    password ??= lines.shift();
    newPassword ??= lines.shift();
  }
  if (password === undefined || newPassword === undefined) {
    checkTerminal('passwords', 'use --password-stdin, or JAYCLOUD_PASSWORD and JAYCLOUD_NEW_PASSWORD');
  }
  password ??= await prompt(`Present password of ${account}: `);
  newPassword ??= await promptNew(account);
  return { password, newPassword };
}

export interface RecoveryKeySource {
  /** From JAYCLOUD_RECOVERY_KEY. */
  readonly environment: string | undefined;
  /** `--recovery-key-stdin`. */
  readonly fromStdin: boolean;
}

async function readRecoveryKey({ environment }: RecoveryKeySource, account: string): Promise<string> {
  if (environment !== undefined) return environment;
  checkTerminal('a recovery key', 'use --recovery-key-stdin or JAYCLOUD_RECOVERY_KEY');
  return prompt(`Recovery key of ${account}: `);
}

/** The recovery key alone, as typed. */
export async function readOnlyRecoveryKey(source: RecoveryKeySource, account: string): Promise<string> {
  if (source.fromStdin) return (await readStdinLines(['the recovery key']))[0] ?? '';
  return readRecoveryKey(source, account);
}

/**
 * The recovery key as typed, and a function that gets the new password: the key can be looked at first, so that a slip in
 * it is told before anything else is asked for.
 */
export async function readRecovery(
  keySource: RecoveryKeySource,
  passwordSource: PasswordSource,
  account: string,
): Promise<{ keyText: string; readNewPassword: () => Promise<string> }> {
  if (!keySource.fromStdin) {
    const keyText = await readRecoveryKey(keySource, account);
    return { keyText, readNewPassword: () => readPassword(passwordSource, account, true) };
  }
  const isBoth = passwordSource.fromStdin;
  const lines = await readStdinLines(['the recovery key', ...(isBoth ? ['the new password'] : [])]);
  const [keyText = '', password = ''] = lines;
  const readNewPassword = () => (isBoth ? Promise.resolve(password) : readPassword(passwordSource, account, true));
  return { keyText, readNewPassword };
}
