// log: the snapshots of the vault, newest first.
import { Command } from 'commander';
import { ClientError } from '../../client/errors.js';
import { checkName, listSnapshots } from '../../client/snapshots.js';
import { VaultLog } from '../../client/vault-log.js';
import type { Run } from '../main.js';
import type { Session } from '../session.js';
import { formatBytes, formatCount, formatTime, jsonPath } from '../text.js';

export function logCommand(run: Run): Command {
  return new Command('log')
    .description('list snapshots, newest first')
    .argument('[name]', 'only those of this name')
    .action((name: string | undefined, _flags: unknown, command: Command) =>
      run(command, (session) => runLog(session, name)),
    );
}

async function runLog(session: Session, text: string | undefined): Promise<number> {
  const name = text === undefined ? undefined : checkName(text);
  const vault = await session.vault();
  const snapshots = await listSnapshots(await VaultLog.read(vault), name);
  if (name !== undefined && snapshots.length === 0) {
    throw new ClientError('not-found', `there is no snapshot named '${name}'`, "'jaycloud ls' lists the names");
  }
  for (const { id, version, receivedAt, record } of snapshots.toReversed()) {
    const { counts, host, tags, partial, sources } = record;
    const files = formatCount(counts.files, 'file');
    const marks = [...tags.map((tag) => `#${tag}`), ...(partial ? ['incomplete'] : [])].join(' ');
    const line = `${id.slice(0, 12)}  ${formatTime(Date.parse(receivedAt))}  ${record.name}@${String(version)}  ${files}, ${formatBytes(counts.bytes)}  ${host}  ${marks}`;
    session.output.result(line.trimEnd(), {
      type: 'snapshot',
      snapshot: id,
      name: record.name,
      version,
      receivedAt,
      time: new Date(record.timeMs).toISOString(),
      host,
      tags,
      ...counts,
      partial,
      sources: sources.map((path) => jsonPath(path).path),
    });
  }
  session.output.summary('', { snapshots: snapshots.length });
  return 0;
}
