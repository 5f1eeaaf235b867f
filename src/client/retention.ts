// Which snapshots a policy keeps (docs/cli.md, "forget"). Nothing here reads a clock or deletes anything.

export interface RetentionPolicy {
  readonly keepLast?: number | undefined;
  readonly keepHourly?: number | undefined;
  readonly keepDaily?: number | undefined;
  readonly keepWeekly?: number | undefined;
  readonly keepMonthly?: number | undefined;
  readonly keepYearly?: number | undefined;
  readonly keepWithinMs?: number | undefined;
}

export interface RetainedSnapshot {
  /** Place in the vault log: the order in which the daemon received what there is. */
  readonly seq: number;
  readonly name: string;
  /** Whose snapshots are counted together: what others push never counts toward dropping these. */
  readonly authorGroup: string;
  /** The daemon's time, in milliseconds since 1970. */
  readonly receivedAtMs: number;
}

export type KeepReason = 'newest' | 'last' | 'within' | 'hourly' | 'daily' | 'weekly' | 'monthly' | 'yearly';

export interface RetentionVerdict<T extends RetainedSnapshot> {
  readonly snapshot: T;
  /** Empty for one that is dropped. */
  readonly reasons: readonly KeepReason[];
}

type Counted = 'keepHourly' | 'keepDaily' | 'keepWeekly' | 'keepMonthly' | 'keepYearly';

/** By rule: its reason, and the bucket of a time, in UTC. */
const bucketRules: readonly [Counted, KeepReason, (date: Date) => string][] = [
  ['keepHourly', 'hourly', (date) => date.toISOString().slice(0, 13)],
  ['keepDaily', 'daily', (date) => date.toISOString().slice(0, 10)],
  ['keepWeekly', 'weekly', isoWeek],
  ['keepMonthly', 'monthly', (date) => date.toISOString().slice(0, 7)],
  ['keepYearly', 'yearly', (date) => date.toISOString().slice(0, 4)],
];

const dayMs = 86_400_000;

/** The Monday of the week: ISO weeks need no number to be told apart. */
function isoWeek(date: Date): string {
  const daysSinceMonday = (date.getUTCDay() + 6) % 7;
  return new Date(date.getTime() - daysSinceMonday * dayMs).toISOString().slice(0, 10);
}

/** True where a policy says nothing, so that it would keep nothing but the newest. */
export function isEmptyPolicy(policy: RetentionPolicy): boolean {
  return Object.values(policy).every((value) => value === undefined || value === 0);
}

/**
 * One verdict for each snapshot, in the order given. `nowMs` is the daemon's newest time, never this machine's clock.
 * Names are decided separately, and so are author groups; the newest snapshot of each is always kept.
 */
export function applyRetention<T extends RetainedSnapshot>(
  snapshots: readonly T[],
  policy: RetentionPolicy,
  nowMs: number,
): RetentionVerdict<T>[] {
  const groups = new Map<string, T[]>();
  for (const snapshot of snapshots) {
    const key = JSON.stringify([snapshot.name, snapshot.authorGroup]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [snapshot]);
    else group.push(snapshot);
  }
  const reasons = new Map<number, KeepReason[]>();
  for (const group of groups.values()) {
    const newestFirst = group.toSorted((a, b) => b.seq - a.seq);
    for (const [seq, kept] of decideGroup(newestFirst, policy, nowMs)) reasons.set(seq, kept);
  }
  return snapshots.map((snapshot) => ({ snapshot, reasons: reasons.get(snapshot.seq) ?? [] }));
}

function decideGroup(
  newestFirst: readonly RetainedSnapshot[],
  policy: RetentionPolicy,
  nowMs: number,
): Map<number, KeepReason[]> {
  const { keepLast = 0, keepWithinMs } = policy;
  const reasons = new Map<number, KeepReason[]>(newestFirst.map(({ seq }) => [seq, []]));
  for (const [at, { seq, receivedAtMs }] of newestFirst.entries()) {
    if (at < keepLast) reasons.get(seq)?.push('last');
    if (keepWithinMs !== undefined && receivedAtMs >= nowMs - keepWithinMs) reasons.get(seq)?.push('within');
  }
  for (const [rule, reason, bucketOf] of bucketRules) {
    const buckets = new Set<string>();
    for (const { seq, receivedAtMs } of newestFirst) {
      const bucket = bucketOf(new Date(receivedAtMs));
      // The first one met is the last one of its bucket in the order of the log, whatever the times say.
      if (buckets.size >= (policy[rule] ?? 0)) break;
      if (!buckets.has(bucket)) reasons.get(seq)?.push(reason);
      buckets.add(bucket);
    }
  }
  const [newest] = newestFirst;
  if (newest !== undefined && reasons.get(newest.seq)?.length === 0) reasons.get(newest.seq)?.push('newest');
  return reasons;
}
