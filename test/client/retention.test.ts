import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  applyRetention,
  isEmptyPolicy,
  type RetainedSnapshot,
  type RetentionPolicy,
} from '../../src/client/retention.js';

/** One series of one author, received at these times, in this order. */
function series(times: readonly string[], authorGroup = 'ann', name = 'home', firstSeq = 1): RetainedSnapshot[] {
  return times.map((time, at) => ({ seq: firstSeq + at, name, authorGroup, receivedAtMs: Date.parse(time) }));
}

function reasonsOf(times: readonly string[], policy: RetentionPolicy): string[] {
  const snapshots = series(times);
  const nowMs = Math.max(...snapshots.map(({ receivedAtMs }) => receivedAtMs));
  return applyRetention(snapshots, policy, nowMs).map(({ reasons }) => reasons.join(' '));
}

describe('a rule', () => {
  test('keeps the last of each bucket, and buckets without snapshots do not count', () => {
    const times = ['2026-01-01T10:00Z', '2026-01-01T20:00Z', '2026-01-05T01:00Z', '2026-01-09T01:00Z'];
    expect(reasonsOf(times, { keepDaily: 3 })).toEqual(['', 'daily', 'daily', 'daily']);
    expect(reasonsOf(times, { keepDaily: 2 })).toEqual(['', '', 'daily', 'daily']);
    expect(reasonsOf(times, { keepLast: 1, keepDaily: 1 })).toEqual(['', '', '', 'last daily']);
  });

  test('counts hours, days, months and years in UTC', () => {
    expect(reasonsOf(['2026-03-01T09:59:59Z', '2026-03-01T10:00:00Z'], { keepHourly: 9 })).toEqual([
      'hourly',
      'hourly',
    ]);
    expect(reasonsOf(['2026-03-01T00:30+01:00', '2026-03-01T00:30Z'], { keepDaily: 9 })).toEqual(['daily', 'daily']);
    expect(reasonsOf(['2025-12-31T23:59Z', '2026-01-01T00:00Z'], { keepMonthly: 9 })).toEqual(['monthly', 'monthly']);
    expect(reasonsOf(['2025-12-31T23:59Z', '2026-01-01T00:00Z'], { keepYearly: 9 })).toEqual(['yearly', 'yearly']);
  });

  test('counts weeks from Monday, across the turn of a year', () => {
    // Thursday, Sunday and Monday.
    const times = ['2026-12-31T12:00Z', '2027-01-03T23:59:59Z', '2027-01-04T00:00Z'];
    expect(reasonsOf(times, { keepWeekly: 9 })).toEqual(['', 'weekly', 'weekly']);
  });

  test('knows the leap day', () => {
    const times = ['2028-02-28T12:00Z', '2028-02-29T12:00Z', '2028-03-01T12:00Z'];
    expect(reasonsOf(times, { keepDaily: 9 })).toEqual(['daily', 'daily', 'daily']);
    expect(reasonsOf(times, { keepMonthly: 9 })).toEqual(['', 'monthly', 'monthly']);
  });

  test('of time counts from the newest time that it is given, its edge included', () => {
    const times = ['2026-01-01T00:00Z', '2026-01-02T00:00Z', '2026-01-03T00:00Z'];
    expect(reasonsOf(times, { keepWithinMs: 86_400_000 })).toEqual(['', 'within', 'within']);
    expect(reasonsOf(times, { keepWithinMs: 86_400_000 - 1 })).toEqual(['', '', 'within']);
  });

  test('follows the order of the log where times go backwards', () => {
    expect(reasonsOf(['2026-01-01T20:00Z', '2026-01-01T10:00Z'], { keepDaily: 1 })).toEqual(['', 'daily']);
  });
});

describe('a policy', () => {
  test('that says nothing is called empty', () => {
    expect(isEmptyPolicy({})).toBe(true);
    expect(isEmptyPolicy({ keepLast: 0, keepDaily: undefined })).toBe(true);
    expect(isEmptyPolicy({ keepYearly: 1 })).toBe(false);
  });

  test('always keeps the newest of a name and author, even when no rule does', () => {
    const old = series(['2020-01-01T00:00Z', '2020-01-02T00:00Z'], 'bob');
    const verdicts = applyRetention(old, { keepWithinMs: 1 }, Date.parse('2026-01-01T00:00Z'));
    expect(verdicts.map(({ reasons }) => reasons)).toEqual([[], ['newest']]);
  });
});

const startMs = Date.UTC(2024, 0, 1);
const snapshots = fc
  .array(
    fc.record({
      name: fc.constantFrom('a', 'b'),
      authorGroup: fc.constantFrom('ann', 'bob'),
      receivedAtMs: fc.integer({ min: startMs, max: startMs + 3 * 365 * 86_400_000 }),
    }),
    { maxLength: 60 },
  )
  .map((all) => all.map((one, at) => ({ ...one, seq: at + 1 })));
const count = fc.option(fc.integer({ min: 0, max: 8 }), { nil: undefined });
const policies = fc.record({
  keepLast: count,
  keepHourly: count,
  keepDaily: count,
  keepWeekly: count,
  keepMonthly: count,
  keepYearly: count,
  keepWithinMs: fc.option(fc.integer({ min: 0, max: 400 * 86_400_000 }), { nil: undefined }),
});
const nowMs = startMs + 3 * 365 * 86_400_000;

const keptOf = (all: readonly RetainedSnapshot[], policy: RetentionPolicy) =>
  new Set(
    applyRetention(all, policy, nowMs).flatMap(({ snapshot, reasons }) => (reasons.length > 0 ? [snapshot.seq] : [])),
  );

describe('whatever the snapshots and the policy', () => {
  test('what one author or name has changes no verdict on another', () => {
    fc.assert(
      fc.property(snapshots, policies, fc.constantFrom('ann', 'bob'), (all, policy, author) => {
        const own = all.filter(({ authorGroup }) => authorGroup === author);
        const kept = keptOf(all, policy);
        expect([...keptOf(own, policy)]).toEqual(own.map(({ seq }) => seq).filter((seq) => kept.has(seq)));
        const named = all.filter(({ name }) => name === 'a');
        expect([...keptOf(named, policy)]).toEqual(named.map(({ seq }) => seq).filter((seq) => kept.has(seq)));
      }),
    );
  });

  test('a policy that asks for more keeps all that it kept', () => {
    fc.assert(
      fc.property(snapshots, policies, policies, (all, policy, more) => {
        const keys = Object.keys(policy) as (keyof RetentionPolicy)[];
        const larger = Object.fromEntries(keys.map((key) => [key, (policy[key] ?? 0) + (more[key] ?? 0)]));
        const kept = keptOf(all, { ...policy, keepWithinMs: policy.keepWithinMs ?? 0 });
        const keptByLarger = keptOf(all, larger);
        for (const seq of kept) expect(keptByLarger).toContain(seq);
      }),
    );
  });

  test('the newest of every name and author is kept, and deciding again drops nothing more', () => {
    fc.assert(
      fc.property(snapshots, policies, (all, policy) => {
        const kept = keptOf(all, policy);
        for (const one of all) {
          const isNewest = !all.some(
            ({ seq, name, authorGroup }) => seq > one.seq && name === one.name && authorGroup === one.authorGroup,
          );
          if (isNewest) expect(kept).toContain(one.seq);
        }
        const left = all.filter(({ seq }) => kept.has(seq));
        expect(keptOf(left, policy)).toEqual(kept);
      }),
    );
  });

  test('each rule keeps at most its number of snapshots of a name and author', () => {
    fc.assert(
      fc.property(snapshots, fc.integer({ min: 1, max: 5 }), (all, number) => {
        const own = all.filter(({ name, authorGroup }) => name === 'a' && authorGroup === 'ann');
        for (const rule of ['keepLast', 'keepHourly', 'keepDaily', 'keepWeekly', 'keepMonthly', 'keepYearly']) {
          expect(keptOf(own, { [rule]: number }).size).toBeLessThanOrEqual(number);
        }
      }),
    );
  });
});
