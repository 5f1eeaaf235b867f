// passwd: another password for the account that is logged in. The keys stay the same, so no data moves.
import { endCertificates } from '../end-certificates.js';
import { readPasswordChange } from '../password.js';
import type { Session } from '../session.js';
import { formatCount } from '../text.js';

export interface PasswdFlags {
  readonly passwordStdin?: boolean;
}

export async function runPasswd(session: Session, flags: PasswdFlags): Promise<number> {
  const credential = await session.credential();
  const api = await session.api();
  api.useSession(credential.sessionSecret);
  // Nobody types passwords for a session that has ended.
  const { account } = await api.getAccount();
  const { password: environment, newPassword: newEnvironment, server } = session.settings;
  const known = credential.password;
  const source = { environment, newEnvironment, known, fromStdin: flags.passwordStdin ?? false };
  const { password, newPassword } = await readPasswordChange(source, account);
  const { changePassword } = await import('../../client/account.js');
  const change = { credential, password, newPassword, solver: session.solver };
  const endedSessions = await changePassword(api, change);
  // What was kept here opens nothing any more; the new password is for its owner to keep.
  if (known !== undefined) await session.keep({ ...credential, password: undefined }, true);
  await endCertificates(session, () => true);
  const { attempts: powAttempts, seconds: powSeconds } = session.solver;
  const ended =
    endedSessions === 0 ? 'no other session was open' : `${formatCount(endedSessions, 'other session')} ended`;
  session.output.summary(`changed the password of ${account} on ${server}; ${ended}`, {
    account,
    server,
    endedSessions,
    powAttempts,
    powSeconds,
  });
  return 0;
}
