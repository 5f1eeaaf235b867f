// recover and recovery rehearse: what the recovery key is for, and the proof beforehand that it will do.
import { hostname } from 'node:os';
import { checkAccountName, localAccount } from '../../client/account-name.js';
import { findLogin } from '../../client/config.js';
import { prepareToKeep, readCredential } from '../../client/credentials.js';
import { ClientError, integrityError } from '../../client/errors.js';
import { parseRecoveryKey } from '../../client/recovery-key.js';
import { concatBytes, equalBytes } from '../../protocol/bytes.js';
import { endCertificates } from '../end-certificates.js';
import { readOnlyRecoveryKey, readRecovery } from '../password.js';
import type { Session } from '../session.js';
import { formatCount } from '../text.js';

export interface RehearseFlags {
  readonly recoveryKeyStdin?: boolean;
}

export interface RecoverFlags extends RehearseFlags {
  readonly passwordStdin?: boolean;
}

function accountOf({ settings }: Session, argument: string | undefined): string {
  const usual = settings.account ?? findLogin(settings)?.account;
  const account = argument ?? usual ?? (settings.isDefaultServer ? localAccount : undefined);
  if (account === undefined) throw new ClientError('usage', 'which account?', 'name it, or set JAYCLOUD_ACCOUNT');
  return checkAccountName(account);
}

export async function runRecover(session: Session, argument: string | undefined, flags: RecoverFlags): Promise<number> {
  const account = accountOf(session, argument);
  await prepareToKeep(session.settings);
  const { recoveryKey: keyEnvironment, password: environment, server } = session.settings;
  const keySource = { environment: keyEnvironment, fromStdin: flags.recoveryKeyStdin ?? false };
  const passwordSource = { environment, fromStdin: flags.passwordStdin ?? false };
  const { keyText, readNewPassword } = await readRecovery(keySource, passwordSource, account);
  const recoveryKey = parseRecoveryKey(keyText);
  const password = await readNewPassword();
  const { recover } = await import('../../client/recovery.js');
  const options = { account, recoveryKey, password, label: hostname(), solver: session.solver };
  const { credential, endedSessions } = await recover(await session.api(), options);
  await session.keep(credential);
  await endCertificates(session, () => true);
  const { accountId, vaultId } = credential;
  const { attempts: powAttempts, seconds: powSeconds } = session.solver;
  const ended = formatCount(endedSessions, 'session');
  session.output.summary(
    `recovered ${account} on ${server}: logged in, the new password counts, ${ended} ended; the recovery key stays the same`,
    { account, accountId, vaultId, server, endedSessions, powAttempts, powSeconds },
  );
  return 0;
}

export async function runRehearse(
  session: Session,
  argument: string | undefined,
  flags: RehearseFlags,
): Promise<number> {
  const account = accountOf(session, argument);
  const { settings } = session;
  const isHere = findLogin(settings)?.account === account;
  const credential = isHere ? await readCredential(settings) : undefined;
  const source = { environment: settings.recoveryKey, fromStdin: flags.recoveryKeyStdin ?? false };
  const recoveryKey = parseRecoveryKey(await readOnlyRecoveryKey(source, account));
  const { rehearseRecovery } = await import('../../client/recovery.js');
  const options = { account, recoveryKey, solver: session.solver };
  const { accountId, vaultId, root, vaultSecrets } = await rehearseRecovery(await session.api(), options);
  const isCompared = credential !== undefined;
  if (
    isCompared &&
    !(
      equalBytes(root, credential.root) &&
      equalBytes(concatBytes(...vaultSecrets), concatBytes(...credential.vaultSecrets))
    )
  ) {
    throw integrityError(`the recovery key opens other keys than those that this machine has of ${account}`);
  }
  const alsoHere = isCompared ? ', the same as on this machine' : '';
  session.output.summary(
    `the recovery key opens ${account} on ${settings.server}: its root, its vault and all public keys fit${alsoHere}; nothing was changed`,
    { account, accountId, vaultId, server: settings.server, comparedHere: isCompared },
  );
  return 0;
}
