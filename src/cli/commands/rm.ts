// rm: delete a whole snapshot.
import { ClientError } from '../../client/errors.js';
import { deleteSnapshot, findPush, parseReference } from '../../client/snapshots.js';
import { requireScope } from '../../client/vault.js';
import { VaultLog } from '../../client/vault-log.js';
import type { Session } from '../session.js';

export async function runRm(session: Session, text: string): Promise<number> {
  const reference = parseReference(text);
  if (reference.path !== undefined) throw new ClientError('usage', 'only whole snapshots can be deleted');
  // Deleting by a bare name would be one slip away from deleting the wrong one.
  if (!text.includes('@'))
    throw new ClientError('usage', 'which version?', `write ${reference.name}@VERSION, or @latest`);
  const vault = await session.vault();
  requireScope(vault, 'forget');
  const log = await VaultLog.read(vault);
  // Nothing is opened: a token that may only delete can.
  const push = findPush(log, reference);
  await deleteSnapshot(log, push);
  const { id, version } = push;
  const { name } = reference;
  session.output.summary(`deleted ${name}@${String(version)} (snapshot ${id.slice(0, 12)})`, {
    snapshot: id,
    name,
    version,
  });
  return 0;
}
