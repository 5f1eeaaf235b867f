// The command lines of token. What a command does is loaded when it is asked for.

import { type Scope, scopes } from '../protocol/certificate.js';
import { parseByteSize, parseDuration } from '../protocol/quantities.js';
import type { Run } from './command-line.js';
import type { CreateFlags } from './commands/token.js';
import { Command, InvalidArgumentError } from './packages/commander.js';

const dayMs = 86_400_000;
const defaultExpiryMs = 90 * dayMs;
const expiryMsMax = 3650 * dayMs;

function parseScopes(text: string, before: readonly Scope[] = []): Scope[] {
  const words = text.split(',').map((word) => word.trim());
  const unknown = words.find((word) => !scopes.some((scope) => scope === word));
  if (unknown !== undefined) throw new InvalidArgumentError(`'${unknown}' is not one of ${scopes.join(', ')}`);
  return scopes.filter((scope) => words.includes(scope) || before.includes(scope));
}

function parseExpiry(text: string): number {
  if (text === 'never') return 0;
  const ms = parseDuration(text);
  if (ms === undefined || ms > expiryMsMax) throw new InvalidArgumentError("a time such as 12h, 90d or 'never'");
  return ms;
}

function parseQuota(text: string): number {
  const bytes = parseByteSize(text);
  if (bytes === undefined || bytes === 0) throw new InvalidArgumentError('a size such as 500M or 10GiB');
  return bytes;
}

function parseLabel(text: string): string {
  if (text === '' || Buffer.byteLength(text) > 200 || /\p{Cc}/u.test(text)) {
    throw new InvalidArgumentError('a label has 1 to 200 bytes and no control characters');
  }
  return text;
}

export function tokenCommand(run: Run): Command {
  const token = new Command('token').description('credentials for machines: CI jobs, backup hosts');
  token
    .command('create')
    .description('make a token; what JAYCLOUD_TOKEN holds is all that a job needs')
    .option('--scope <scopes>', `what it may do, with commas between: ${scopes.join(', ')}`, parseScopes)
    .option('--push-only', 'it can push, and has no key that reads anything')
    .option('--name-prefix <prefix>', 'what the names that it uses begin with')
    .option('--expires <time>', "when it ends: 12h, 90d, 'never' (default: 90d)", parseExpiry, defaultExpiryMs)
    .option('--quota <size>', 'how much it may store: 500M, 10GiB', parseQuota)
    .option('--label <text>', 'what lists call it', parseLabel)
    .action((flags: CreateFlags, command: Command) =>
      run(command, async (session) => (await import('./commands/token.js')).runCreate(session, flags)),
    );
  token
    .command('list')
    .description('show all tokens, revoked ones too')
    .action((_flags: unknown, command: Command) =>
      run(command, async (session) => (await import('./commands/token.js')).runList(session)),
    );
  token
    .command('revoke')
    .description('end a token, at once and for ever')
    .argument('<id...>', 'id, or its first 6 digits or more')
    .action((ids: string[], _flags: unknown, command: Command) =>
      run(command, async (session) => (await import('./commands/token.js')).runRevoke(session, ids)),
    );
  return token;
}
