// forget: delete the snapshots that a policy does not keep.
import { Command, InvalidArgumentError } from 'commander';
import { authorGroupOf } from '../../client/authors.js';
import { ClientError } from '../../client/errors.js';
import { applyRetention, isEmptyPolicy, type RetainedSnapshot, type RetentionPolicy } from '../../client/retention.js';
import { checkName, deleteSnapshot, listSnapshots, type Snapshot } from '../../client/snapshots.js';
import { requireScope } from '../../client/vault.js';
import { VaultLog } from '../../client/vault-log.js';
import { parseDuration } from '../../protocol/quantities.js';
import type { Run } from '../main.js';
import type { Session } from '../session.js';
import { formatCount, formatTime } from '../text.js';

interface ForgetFlags extends Omit<RetentionPolicy, 'keepWithinMs'> {
  readonly keepWithin?: number;
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

const countMax = 1_000_000;

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count > countMax) throw new InvalidArgumentError('not a number of snapshots');
  return count;
}

/** `30d` and the like, in milliseconds. */
function parseSpan(text: string): number {
  const span = parseDuration(text);
  // `m` is minutes elsewhere, and somebody here would mean months.
  if (span === undefined || text.endsWith('m')) {
    throw new InvalidArgumentError('write a number with h, d, w or y, for example 30d');
  }
  return span;
}

export function forgetCommand(run: Run): Command {
  return new Command('forget')
    .description('delete the snapshots that a policy does not keep')
    .argument('[name]', 'only those of this name')
    .option('--all', 'those of every name')
    .option('--keep-last <n>', 'keep the last N', parseCount)
    .option('--keep-hourly <n>', 'keep the last one of each of N hours', parseCount)
    .option('--keep-daily <n>', 'keep the last one of each of N days', parseCount)
    .option('--keep-weekly <n>', 'keep the last one of each of N weeks', parseCount)
    .option('--keep-monthly <n>', 'keep the last one of each of N months', parseCount)
    .option('--keep-yearly <n>', 'keep the last one of each of N years', parseCount)
    .option('--keep-within <time>', 'keep what is younger than this, for example 30d', parseSpan)
    .option('--dry-run', 'show what would be deleted, and delete nothing')
    .action((name: string | undefined, flags: ForgetFlags, command: Command) =>
      run(command, (session) => runForget(session, name, flags)),
    );
}

interface Candidate extends RetainedSnapshot {
  readonly of: Snapshot;
}

async function runForget(session: Session, text: string | undefined, flags: ForgetFlags): Promise<number> {
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
