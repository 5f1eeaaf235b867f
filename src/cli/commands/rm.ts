// rm: delete a whole snapshot.
import { Command } from 'commander';
import { ClientError } from '../../client/errors.js';
import { deleteSnapshot, findSnapshot, parseReference } from '../../client/snapshots.js';
import { VaultLog } from '../../client/vault-log.js';
import type { Run } from '../main.js';
import type { Session } from '../session.js';

export function rmCommand(run: Run): Command {
  return new Command('rm')
    .description('delete a snapshot')
    .argument('<reference>', 'NAME@VERSION')
    .action((reference: string, _flags: unknown, command: Command) =>
      run(command, (session) => runRm(session, reference)),
    );
}

async function runRm(session: Session, text: string): Promise<number> {
  const reference = parseReference(text);
  if (reference.path !== undefined) throw new ClientError('usage', 'only whole snapshots can be deleted');
  // Deleting by a bare name would be one slip away from deleting the wrong one.
  if (!text.includes('@'))
    throw new ClientError('usage', 'which version?', `write ${reference.name}@VERSION, or @latest`);
  const vault = await session.vault();
  const log = await VaultLog.read(vault);
  const snapshot = await findSnapshot(log, reference);
  await deleteSnapshot(log, snapshot);
  const name = `${snapshot.record.name}@${String(snapshot.version)}`;
  session.output.summary(`deleted ${name} (snapshot ${snapshot.id.slice(0, 12)})`, {
    snapshot: snapshot.id,
    name: snapshot.record.name,
    version: snapshot.version,
  });
  return 0;
}
