// forget: delete the snapshots that a policy does not keep.
import { authorGroupOf } from '../../client/authors.js';
import { ClientError } from '../../client/errors.js';
import { applyRetention, isEmptyPolicy, type RetainedSnapshot, type RetentionPolicy } from '../../client/retention.js';
import { checkName, deleteSnapshot, listSnapshots, type Snapshot } from '../../client/snapshots.js';
import { requireScope } from '../../client/vault.js';
import { VaultLog } from '../../client/vault-log.js';
import type { Session } from '../session.js';
import { formatCount, formatTime } from '../text.js';

export interface ForgetFlags extends Omit<RetentionPolicy, 'keepWithinMs'> {
  readonly keepWithin?: number;
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

interface Candidate extends RetainedSnapshot {
  readonly of: Snapshot;
}

export async function runForget(session: Session, text: string | undefined, flags: ForgetFlags): Promise<number> {
  const name = text === undefined ? undefined : checkName(text);
  const policy = policyOf(flags, name);
  const vault = await session.vault();
  requireScope(vault, 'forget');
  const log = await VaultLog.read(vault);
  const snapshots = await listSnapshots(log, name);
  if (name !== undefined && snapshots.length === 0) {
    throw new ClientError('not-found', `there is no snapshot named '${name}'`, "'jaycloud ls' lists the names");
  }
  const candidates = snapshots.map(
    (of): Candidate => ({
      of,
      seq: of.seq,
      name: of.record.name,
      authorGroup: authorGroupOf(log, of.seq),
      receivedAtMs: Date.parse(of.receivedAt),
    }),
  );
  // The newest time that the daemon has given anything: a clock that is wrong here deletes nothing.
  const nowMs = Math.max(...log.lines.map(({ wire }) => Date.parse(wire.receivedAt)));
  const verdicts = applyRetention(candidates, policy, nowMs);
  const dryRun = flags.dryRun ?? false;
  let deleted = 0;
  for (const { snapshot, reasons } of verdicts) {
    const kept = reasons.length > 0;
    if (!kept) {
      session.signal.throwIfAborted();
      if (!dryRun) await deleteUnlessGone(log, snapshot.of);
      deleted += 1;
    }
    show(session, snapshot.of, kept, reasons);
  }
  const kept = verdicts.length - deleted;
  const verb = dryRun ? 'would delete' : 'deleted';
  const line = `${verb} ${formatCount(deleted, 'snapshot')}, ${dryRun ? 'keep' : 'kept'} ${String(kept)}`;
  session.output.summary(line, { kept, deleted, dryRun });
  return 0;
}

function policyOf(flags: ForgetFlags, name: string | undefined): RetentionPolicy {
  if ((name === undefined) !== (flags.all ?? false)) {
    const message = name === undefined ? 'which name?' : 'a name and --all contradict each other';
    throw new ClientError('usage', message, 'write NAME for one series of snapshots, or --all for each of them');
  }
  const { keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly, keepWithin } = flags;
  const counts = { keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly };
  const policy = { ...counts, keepWithinMs: keepWithin };
  if (isEmptyPolicy(policy)) {
    throw new ClientError('usage', 'nothing says what to keep', 'give at least one rule, for example --keep-last 10');
  }
  return policy;
}

/** Another machine with the same policy may be faster. */
async function deleteUnlessGone(log: VaultLog, snapshot: Snapshot): Promise<void> {
  try {
    await deleteSnapshot(log, snapshot);
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'not-found') throw error;
  }
}

function show(session: Session, snapshot: Snapshot, kept: boolean, reasons: readonly string[]): void {
  const { id, version, receivedAt, record } = snapshot;
  const what = `${id.slice(0, 12)}  ${formatTime(Date.parse(receivedAt))}  ${record.name}@${String(version)}`;
  session.output.result(kept ? `keep    ${what}  ${reasons.join(', ')}` : `delete  ${what}`, {
    type: 'snapshot',
    snapshot: id,
    name: record.name,
    version,
    receivedAt,
    kept,
    reasons,
  });
}
