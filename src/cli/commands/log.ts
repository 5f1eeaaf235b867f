// log: the snapshots of the vault, newest first.
import { createAuthorFinder, type NamedAuthor } from '../../client/authors.js';
import { ClientError } from '../../client/errors.js';
import { checkName, listSnapshots } from '../../client/snapshots.js';
import { requireScope } from '../../client/vault.js';
import { VaultLog } from '../../client/vault-log.js';
import type { Session } from '../session.js';
import { formatBytes, formatCount, formatTime, jsonPath } from '../text.js';

export async function runLog(session: Session, text: string | undefined, showsAuthors: boolean): Promise<number> {
  const name = text === undefined ? undefined : checkName(text);
  const vault = await session.vault();
  requireScope(vault, 'list', 'pull');
  const log = await VaultLog.read(vault);
  const snapshots = await listSnapshots(log, name);
  const findAuthor = createAuthorFinder(log);
  if (name !== undefined && snapshots.length === 0) {
    throw new ClientError('not-found', `there is no snapshot named '${name}'`, "'jaycloud ls' lists the names");
  }
  for (const { seq, id, version, receivedAt, record } of snapshots.toReversed()) {
    const { counts, host, tags, partial, sources } = record;
    const files = formatCount(counts.files, 'file');
    const marks = [...tags.map((tag) => `#${tag}`), ...(partial ? ['incomplete'] : [])].join(' ');
    const line = `${id.slice(0, 12)}  ${formatTime(Date.parse(receivedAt))}  ${record.name}@${String(version)}  ${files}, ${formatBytes(counts.bytes)}  ${host}  ${marks}`;
    const author = showsAuthors ? await findAuthor(seq) : undefined;
    const by = author === undefined ? '' : `  by ${authorText(author)}, certified by ${vault.account}`;
    session.output.result(`${line.trimEnd()}${by}`, {
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
      ...(author === undefined ? {} : { author: { ...author, certifiedBy: vault.account } }),
    });
  }
  session.output.summary('', { snapshots: snapshots.length });
  return 0;
}

function authorText({ kind, id, label, isPushOnly }: NamedAuthor): string {
  return `${isPushOnly ? 'push-only ' : ''}${kind} ${id.slice(0, 12)}${label === '' ? '' : ` (${label})`}`;
}
