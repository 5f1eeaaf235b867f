// token: credentials for machines, with no more rights than they need.
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
import type { Session } from '../session.js';
import { formatBytes, formatTime } from '../text.js';

/** `define-token.ts` says so too. */
const idDigitsMin = 6;

export interface CreateFlags {
  readonly scope?: readonly Scope[];
  readonly namePrefix?: string;
  readonly expires: number;
  readonly quota?: number;
  readonly pushOnly?: boolean;
  readonly label?: string;
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

export async function runCreate(session: Session, flags: CreateFlags): Promise<number> {
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

export async function runList(session: Session): Promise<number> {
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

export async function runRevoke(session: Session, typed: readonly string[]): Promise<number> {
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
