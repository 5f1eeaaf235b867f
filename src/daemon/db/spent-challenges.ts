// Redeemed challenges as rows, which daemons on one database share (docs/proof-of-work.md, "Replay").
import { and, eq, lt, sql } from 'drizzle-orm';
import type { Queries } from './connection.js';
import { preparedOnce } from './prepared.js';
import { spentChallenges } from './schema.js';

/** What a row is found by. */
interface SpentNumber {
  readonly replica: number;
  readonly epoch: number;
  readonly seq: number;
}

/**
 * Rows stay for this long after their challenge has expired: clocks of daemons differ, and a clock that is set back must
 * not make a challenge good again whose row is gone.
 */
const keptAfterMs = 24 * 60 * 60 * 1000;

const spentOfNumber = preparedOnce((db) =>
  db
    .select({ seq: spentChallenges.seq })
    .from(spentChallenges)
    .where(
      and(
        eq(spentChallenges.replica, sql.placeholder('replica')),
        eq(spentChallenges.epoch, sql.placeholder('epoch')),
        eq(spentChallenges.seq, sql.placeholder('seq')),
      ),
    )
    .prepare(),
);

export function isChallengeSpent(db: Queries, { replica, epoch, seq }: SpentNumber): boolean {
  return spentOfNumber(db).get({ replica, epoch, seq }) !== undefined;
}

/** False where the row is there already: of two daemons at once one gets true. */
export function spendChallenge(db: Queries, { replica, epoch, seq }: SpentNumber, expiresAt: number): boolean {
  const row = { replica, epoch, seq, expiresAt };
  return db.insert(spentChallenges).values(row).onConflictDoNothing().run().changes === 1;
}

export function deleteOldSpentChallenges(db: Queries, nowMs: number): void {
  db.delete(spentChallenges)
    .where(lt(spentChallenges.expiresAt, nowMs - keptAfterMs))
    .run();
}
