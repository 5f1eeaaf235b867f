// session list and session revoke: where the account is logged in, and an end to that.
import type { DaemonApi } from '../../client/daemon-api.js';
import { ClientError } from '../../client/errors.js';
import type { ListSessionsResponse } from '../../protocol/account-messages.js';
import { utf8 } from '../../protocol/bytes.js';
import { ProtocolError } from '../../protocol/errors.js';
import { endCertificates } from '../end-certificates.js';
import type { Session } from '../session.js';
import { formatCount, formatTime, printablePath } from '../text.js';

type ListedSession = ListSessionsResponse['sessions'][number];

export interface RevokeFlags {
  readonly others?: boolean;
}

export async function runList(session: Session): Promise<number> {
  const { api } = await session.vault();
  const { sessions } = await api.listSessions();
  for (const { id, label, createdAt, lastUsedAt, expiresAt, isCurrent } of sessions) {
    const used = `used ${formatTime(Date.parse(lastUsedAt))}, ends ${formatTime(Date.parse(expiresAt))}`;
    const line = `${id.slice(0, 12)}  ${used}  ${printablePath(utf8(label))}${isCurrent ? '  (this one)' : ''}`;
    session.output.result(line, { type: 'session', session: id, label, createdAt, lastUsedAt, expiresAt, isCurrent });
  }
  session.output.summary('', { sessions: sessions.length });
  return 0;
}

/** Throws ClientError where not exactly one session begins so. */
function findSession(sessions: readonly ListedSession[], prefix: string): ListedSession {
  if (!/^[0-9a-f]{6,32}$/.test(prefix)) {
    throw new ClientError('usage', `'${prefix}' is not the id of a session`, 'give 6 to 32 of its digits');
  }
  const [found, ...more] = sessions.filter(({ id }) => id.startsWith(prefix));
  if (found === undefined) {
    throw new ClientError('not-found', `there is no session '${prefix}'`, "'jaycloud session list' lists them");
  }
  if (more.length > 0) throw new ClientError('usage', `several sessions begin with '${prefix}'`, 'give more digits');
  if (found.isCurrent) {
    throw new ClientError('usage', `'${prefix}' is the session of this machine`, "'jaycloud logout' ends it");
  }
  return found;
}

export async function runRevoke(
  session: Session,
  ids: readonly string[],
  { others = false }: RevokeFlags,
): Promise<number> {
  if (others !== (ids.length === 0)) {
    throw new ClientError('usage', 'which sessions?', 'give their ids, or --others for all but this one');
  }
  const { api } = await session.vault();
  const { sessions } = await api.listSessions();
  // All are looked up before one is ended.
  const chosen = new Set(ids.map((id) => findSession(sessions, id.toLowerCase()).id));
  for (const id of chosen) await revoke(api, id);
  const endedSessions = others ? await revokeOthers(api, sessions) : chosen.size;
  await endCertificates(session, (id) => others || chosen.has(id));
  session.output.summary(`${formatCount(endedSessions, 'session')} ended`, { endedSessions });
  return 0;
}

/** One answer does not list endless sessions, so it is asked again until this one is alone. */
async function revokeOthers(api: DaemonApi, first: readonly ListedSession[]): Promise<number> {
  let endedSessions = 0;
  let others = first.filter(({ isCurrent }) => !isCurrent);
  while (others.length > 0) {
    for (const { id } of others) await revoke(api, id);
    endedSessions += others.length;
    others = (await api.listSessions()).sessions.filter(({ isCurrent }) => !isCurrent);
  }
  return endedSessions;
}

/** One that is gone by now is what was wanted. */
async function revoke(api: DaemonApi, id: string): Promise<void> {
  try {
    await api.revokeSession(id);
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code !== 'not-found') throw error;
  }
}
