// token: credentials for machines, with no more rights than they need.
import { Command, InvalidArgumentError } from 'commander';
import { ClientError } from '../../client/errors.js';
import {
  checkPrefix,
  createToken,
  type ListedToken,
  listTokens,
  revokeCertificates,
  type TokenOptions,
} from '../../client/tokens.js';
import { VaultLog } from '../../client/vault-log.js';
import { toHex } from '../../protocol/bytes.js';
import { type Scope, scopes } from '../../protocol/certificate.js';
import { parseByteSize, parseDuration } from '../../protocol/quantities.js';
import type { Run } from '../main.js';
import type { Session } from '../session.js';
import { formatBytes, formatTime } from '../text.js';

interface CreateFlags {
  readonly scope?: readonly Scope[];
  readonly namePrefix?: string;
  readonly expires: number;
  readonly quota?: number;
  readonly pushOnly?: boolean;
  readonly label?: string;
}

const dayMs = 86_400_000;
const defaultExpiryMs = 90 * dayMs;
const expiryMsMax = 3650 * dayMs;
const idDigitsMin = 6;

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
    .action((flags: CreateFlags, command: Command) => run(command, (session) => runCreate(session, flags)));
  token
    .command('list')
    .description('show all tokens, revoked ones too')
    .action((_flags: unknown, command: Command) => run(command, runList));
  token
    .command('revoke')
    .description('end a token, at once and for ever')
    .argument('<id...>', `id, or its first ${String(idDigitsMin)} digits or more`)
    .action((ids: string[], _flags: unknown, command: Command) => run(command, (session) => runRevoke(session, ids)));
  return token;
}

function optionsOf(flags: CreateFlags): TokenOptions {
  const isPushOnly = flags.pushOnly ?? false;
  const chosen = flags.scope ?? (isPushOnly ? (['push'] as const) : []);
  if (chosen.length === 0) {
    throw new ClientError('usage', 'what may the token do?', `give --push-only, or --scope with ${scopes.join(', ')}`);
  }
  if (isPushOnly && chosen.join() !== 'push') {
    throw new ClientError('usage', '--push-only goes with the scope push alone', 'leave one of the two away');
  }
  return {
    label: flags.label ?? '',
    scopes: chosen,
    prefix: flags.namePrefix === undefined ? '' : checkPrefix(flags.namePrefix),
    lifeMs: flags.expires,
    quotaBytes: flags.quota ?? 0,
    isPushOnly,
  };
}

async function runCreate(session: Session, flags: CreateFlags): Promise<number> {
  const options = optionsOf(flags);
  const log = await VaultLog.read(await session.vault());
  const { id, token, expiresAtMs } = await createToken(log, options);
  const { quotaBytes, prefix, label, isPushOnly } = options;
  session.output.result(token, {
    type: 'summary',
    id,
    token,
    scopes: options.scopes,
    pushOnly: isPushOnly,
    namePrefix: prefix,
    label,
    expiresAt: expiresAtMs === 0 ? null : new Date(expiresAtMs).toISOString(),
    quotaBytes: quotaBytes === 0 ? null : quotaBytes,
  });
  session.output.note(`token ${id.slice(0, 12)}: keep it as JAYCLOUD_TOKEN where the job runs; it is shown this once`);
  return 0;
}

function stateOf({ isEnded, expiresAt }: ListedToken): 'live' | 'expired' | 'revoked' {
  if (isEnded) return 'revoked';
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now() ? 'expired' : 'live';
}

async function runList(session: Session): Promise<number> {
  const log = await VaultLog.read(await session.vault());
  const tokens = await listTokens(log);
  for (const token of tokens) {
    const { id, label, prefix, isPushOnly, expiresAt, lastUsedAt, usedBytes, quotaBytes, createdAt } = token;
    const state = stateOf(token);
    const may = isPushOnly ? 'push-only' : token.scopes.join(',');
    const used = `${formatBytes(usedBytes)}${quotaBytes === null ? '' : ` of ${formatBytes(quotaBytes)}`}`;
    const until = expiresAt === null ? 'for ever' : `until ${formatTime(Date.parse(expiresAt))}`;
    const name = prefix === '' ? 'all names' : `names ${prefix}…`;
    const last = lastUsedAt === null ? 'never used' : `last used ${formatTime(Date.parse(lastUsedAt))}`;
    const line = `${id.slice(0, 12)}  ${state.padEnd(7)}  ${may}  ${name}  ${until}  ${used}  ${last}  ${label}`;
    session.output.result(line.trimEnd(), {
      type: 'token',
      id,
      state,
      scopes: token.scopes,
      pushOnly: isPushOnly,
      namePrefix: prefix,
      label,
      createdAt,
      expiresAt,
      lastUsedAt,
      usedBytes,
      quotaBytes,
    });
  }
  session.output.summary('', { tokens: tokens.length });
  return 0;
}

async function runRevoke(session: Session, typed: readonly string[]): Promise<number> {
  const log = await VaultLog.read(await session.vault());
  const tokens = await listTokens(log);
  const meant = typed.map((text) => findToken(tokens, text));
  const ids = new Set(meant.map(({ id }) => id));
  const revoked = await revokeCertificates(log, ({ kind, id }) => kind === 'token' && ids.has(toHex(id)));
  const names = [...ids].map((id) => id.slice(0, 12)).join(', ');
  session.output.summary(
    revoked === 0 ? `${names}: revoked before` : `revoked ${names}: the daemon refuses it from now on`,
    { revoked, ids: [...ids] },
  );
  return 0;
}

function findToken(tokens: readonly ListedToken[], text: string): ListedToken {
  const typed = text.toLowerCase();
  const matches =
    /^[0-9a-f]+$/.test(typed) && typed.length >= idDigitsMin ? tokens.filter(({ id }) => id.startsWith(typed)) : [];
  const [found, another] = matches;
  if (found === undefined) {
    throw new ClientError('not-found', `there is no token '${text}'`, "'jaycloud token list' shows their ids");
  }
  if (another !== undefined) throw new ClientError('usage', `'${text}' fits several tokens`, 'give more digits');
  return found;
}
