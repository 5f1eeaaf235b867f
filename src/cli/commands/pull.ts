// pull: bring a snapshot, or a part of one, back.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ClientError } from '../../client/errors.js';
import type { PullProgress } from '../../client/pull/pull.js';
import type { Overwrite } from '../../client/pull/restore-file.js';
import { findSnapshot, parseReference, snapshotPath } from '../../client/snapshots.js';
import { requireScope } from '../../client/vault.js';
import { VaultLog } from '../../client/vault-log.js';
import { exitPartial } from '../exit-codes.js';
import type { Session } from '../session.js';
import { formatBytes, formatCount, formatSeconds } from '../text.js';

export interface PullFlags {
  readonly overwrite: Overwrite;
  readonly owner: boolean;
  readonly keepSetuid?: boolean;
}

function checkDestination(name: string, given: string | undefined): string {
  if (given !== undefined) return resolve(given);
  const own = resolve(name.split('/').at(-1) ?? name);
  if (existsSync(own)) throw new ClientError('usage', `'${own}' exists already`, 'name the folder to write into');
  return own;
}

export async function runPull(
  session: Session,
  text: string,
  given: string | undefined,
  flags: PullFlags,
): Promise<number> {
  const startedAt = performance.now();
  const reference = parseReference(text);
  const destination = checkDestination(reference.name, given);
  const vault = await session.vault();
  requireScope(vault, 'pull');
  const snapshot = await findSnapshot(await VaultLog.read(vault), reference);
  const { pull } = await import('../../client/pull/pull.js');
  const progress: PullProgress = { files: 0, bytes: 0 };
  const { counts } = snapshot.record;
  const isWhole = reference.path === undefined;
  session.output.startProgress('pulling', () => ({
    ...progress,
    filesTotal: isWhole ? counts.files : undefined,
    bytesTotal: isWhole ? counts.bytes : undefined,
  }));
  const result = await pull(
    vault,
    {
      snapshot,
      path: snapshotPath(reference),
      destination,
      overwrite: flags.overwrite,
      keepOwner: flags.owner && process.geteuid?.() === 0,
      keepSetuid: flags.keepSetuid ?? false,
      onProblem: ({ kind, path, message }) => {
        session.output.problem(kind, path, message);
      },
      whenTold: () => session.output.taken(session.signal),
    },
    progress,
  );
  session.output.stopProgress();
  const seconds = (performance.now() - startedAt) / 1000;
  const { bytesReceived } = vault.api;
  const name = `${snapshot.record.name}@${String(snapshot.version)}`;
  const { files, bytes, problems, damaged } = result;
  const lines = [
    `pulled ${name} into ${destination} in ${formatSeconds(seconds)}`,
    `  ${formatCount(files, 'file')}, ${formatBytes(bytes)}; ${formatBytes(bytesReceived)} received`,
    ...(problems > 0 ? [`  incomplete: ${formatCount(problems, 'problem')}, see above`] : []),
  ];
  const summary = {
    snapshot: snapshot.id,
    name: snapshot.record.name,
    version: snapshot.version,
    destination,
    files,
    bytes,
    bytesReceived,
    problems,
    damaged,
    seconds: Number(seconds.toFixed(3)),
  };
  if (damaged > 0) {
    session.output.note(lines.join('\n'));
    throw new ClientError(
      'integrity',
      `${formatCount(damaged, 'entry', 'entries')} of ${name} could not be restored: damaged on the daemon`,
      "nothing false was written; 'jaycloud push --reread' of the same content, by any owner, heals it",
    );
  }
  session.output.summary(lines.join('\n'), summary);
  return problems > 0 ? exitPartial : 0;
}
