// register, login, logout, whoami.
import { hostname } from 'node:os';
import { checkAccountName } from '../../client/account-name.js';
import { deleteCredential, prepareToKeep, readCredential } from '../../client/credentials.js';
import { ClientError } from '../../client/errors.js';
import type { TokenString } from '../../client/token-string.js';
import { useToken } from '../../client/vault.js';
import { endOwnCertificate } from '../end-certificates.js';
import { readPassword } from '../password.js';
import type { Session } from '../session.js';
import { formatBytes, formatTime } from '../text.js';

export interface PasswordFlags {
  readonly passwordStdin?: boolean;
}

function accountOf(session: Session, argument: string | undefined): string {
  const account = argument ?? session.settings.account;
  if (account === undefined) throw new ClientError('usage', 'which account?', 'name it, or set JAYCLOUD_ACCOUNT');
  return checkAccountName(account);
}

async function passwordOf(session: Session, flags: PasswordFlags, account: string, isNew: boolean): Promise<string> {
  // Before the daemon makes anything that this machine could not remember.
  await prepareToKeep(session.settings);
  const source = { environment: session.settings.password, fromStdin: flags.passwordStdin ?? false };
  return readPassword(source, account, isNew);
}

export async function runRegister(
  session: Session,
  argument: string | undefined,
  flags: PasswordFlags,
): Promise<number> {
  const account = accountOf(session, argument);
  const password = await passwordOf(session, flags, account, true);
  const { invite } = session.settings;
  const options = { account, password, label: hostname(), solver: session.solver, invite };
  const { register } = await import('../../client/account.js');
  const { credential, recoveryKey } = await register(await session.api(), options);
  // First the key that nobody can make again, then everything that can fail.
  session.showRecoveryKey(recoveryKey);
  await session.keep(credential);
  const { server } = session.settings;
  const { accountId, vaultId } = credential;
  const { attempts: powAttempts, seconds: powSeconds } = session.solver;
  session.output.summary(`registered and logged in as ${account} on ${server}`, {
    account,
    accountId,
    vaultId,
    server,
    powAttempts,
    powSeconds,
  });
  return 0;
}

export async function runLogin(session: Session, argument: string | undefined, flags: PasswordFlags): Promise<number> {
  const account = accountOf(session, argument);
  const password = await passwordOf(session, flags, account, false);
  const options = { account, password, label: hostname(), solver: session.solver };
  const { login } = await import('../../client/account.js');
  const credential = await login(await session.api(), options);
  await session.keep(credential);
  const { server } = session.settings;
  const { accountId, vaultId } = credential;
  session.output.summary(`logged in as ${account} on ${server}`, { account, accountId, vaultId, server });
  return 0;
}

export async function runLogout(session: Session): Promise<number> {
  const credential = await readCredential(session.settings);
  const { server } = session.settings;
  if (credential === undefined) throw new ClientError('not-logged-in', `not logged in to ${server}`);
  if (credential.password !== undefined) {
    throw new ClientError(
      'usage',
      'the local vault has no other login than the one on this machine',
      'forgetting it would lock its data away; remove the folder if that is what you want',
    );
  }
  try {
    const api = await session.api();
    api.useSession(credential.sessionSecret);
    // Taking the certificate back ends the session as well; a session that has written nothing has none.
    if ((await endOwnCertificate(session)) === 0) await api.endSession();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    session.output.note(`the daemon could not be told (${reason}); the session ends there by itself`);
  }
  await deleteCredential(session.settings);
  session.output.summary(`logged out of ${server}`, { account: credential.account, server });
  return 0;
}

/** What a token is and may do, without opening anything. */
export async function runWhoamiToken(session: Session, token: TokenString): Promise<number> {
  const api = await session.api();
  useToken(api, token);
  const { id, account, vaultId, scopes, isPushOnly, expiresAt, quotaBytes, usedBytes } = await api.getToken();
  const { server } = session.settings;
  const may = isPushOnly ? 'only push' : scopes.join(', ');
  const until = expiresAt === null ? '' : `, until ${formatTime(Date.parse(expiresAt))}`;
  const used = `${formatBytes(usedBytes)}${quotaBytes === null ? '' : ` of ${formatBytes(quotaBytes)}`} stored`;
  session.output.result(`token ${id.slice(0, 12)} of ${account} on ${server}, may ${may}${until}, ${used}`, {
    type: 'summary',
    account,
    vaultId,
    server,
    tokenId: id,
    scopes,
    pushOnly: isPushOnly,
    expiresAt,
    usedBytes,
    quotaBytes,
  });
  return 0;
}

export async function runWhoami(session: Session): Promise<number> {
  if (session.settings.token !== undefined) return runWhoamiToken(session, session.settings.token);
  const vault = await session.vault();
  const { account, accountId, vaultId, ownedBytes, quotaBytes, session: own } = await vault.api.getAccount();
  const { server, profile } = session.settings;
  const quota = quotaBytes === null ? '' : ` of ${formatBytes(quotaBytes)}`;
  session.output.result(`${account} on ${server}, ${formatBytes(ownedBytes)}${quota} stored`, {
    type: 'summary',
    account,
    accountId,
    vaultId,
    server,
    profile,
    ownedBytes,
    quotaBytes,
    sessionExpiresAt: own.expiresAt,
  });
  return 0;
}
