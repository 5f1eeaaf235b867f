// key rotate: new keys for account and vault, without moving content.
import { VaultLog } from '../../client/vault-log.js';
import { readPassword } from '../password.js';
import type { Session } from '../session.js';
import { formatBytes, formatCount } from '../text.js';

export interface RotateFlags {
  readonly passwordStdin?: boolean;
}

/** What nobody should believe to be undone by new keys. */
const notUndone = [
  'what this does not undo:',
  '  - whoever copied the old keys can still open every snapshot made before now, if he gets at its bytes',
  '  - what the old keys have opened already is known; change passwords and keys that were in those files',
  '  - names of snapshots keep their sealed form, so the old keys can still test guesses of names',
  '  - content that is shared with everyone can be guessed as before',
];

export async function runRotate(session: Session, flags: RotateFlags): Promise<number> {
  const credential = await session.credential();
  const vault = await session.vault();
  const { api, account } = vault;
  const log = await VaultLog.read(vault);
  const source = { environment: session.settings.password, fromStdin: flags.passwordStdin ?? false };
  const password = credential.password ?? (await readPassword(source, account, false));
  const { rotateKeys } = await import('../../client/rotate-keys.js');
  const rotated = await rotateKeys(log, {
    credential,
    password,
    solver: session.solver,
    onRecoveryKey: (recoveryKey) => {
      session.showNewRecoveryKey(recoveryKey);
    },
  });
  await session.keep(rotated.credential, true);
  const { endedSessions, endedTokens, keyBytes } = rotated;
  const contentBytes = api.bytesSent + api.bytesReceived;
  const ended = `${formatCount(endedSessions, 'other session')} and ${formatCount(endedTokens, 'token')} ended`;
  session.output.summary(
    [
      `rotated the keys of ${account} on ${session.settings.server}`,
      `  moved ${formatBytes(contentBytes)} of content, ${formatBytes(keyBytes)} of keys and wraps; ${ended}`,
      '  the old recovery key opens nothing any more; the new one is above',
      ...notUndone,
      "next: 'jaycloud login' on other machines, 'jaycloud token create' for jobs",
    ].join('\n'),
    { account, server: session.settings.server, contentBytes, keyBytes, endedSessions, endedTokens },
  );
  return 0;
}
