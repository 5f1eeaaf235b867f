// What an account has done that counts for admission (docs/proof-of-work.md, "Tiers", "Questions without an answer").
import { asc, eq, type Placeholder, sql } from 'drizzle-orm';
import type { Tier } from '../../protocol/messages.js';
import type { Queries } from './connection.js';
import { preparedOnce } from './prepared.js';
import { accounts, standings } from './schema.js';

const dayMs = 24 * 60 * 60 * 1000;

export interface Standing {
  readonly accountNo: number;
  readonly accountId: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly paidGrants: number;
  readonly grantDays: number;
  readonly decision: Tier | null;
  /** Ids asked about today that were neither owned, nor claimed, nor sent. */
  readonly unansweredIds: number;
}

function dayOf(nowMs: number): number {
  return Math.floor(nowMs / dayMs);
}

/** `today` is a day, or a placeholder for one. */
function selectStandings(db: Queries, today: number | Placeholder) {
  return db
    .select({
      accountNo: accounts.accountNo,
      accountId: accounts.accountId,
      name: accounts.name,
      createdAt: accounts.createdAt,
      paidGrants: sql<number>`coalesce(${standings.paidGrants}, 0)`,
      grantDays: sql<number>`coalesce(${standings.grantDays}, 0)`,
      decision: sql<Tier | null>`${standings.decision}`,
      unansweredIds: sql<number>`iif(${standings.unansweredDay} = ${today}, ${standings.unansweredIds}, 0)`,
    })
    .from(accounts)
    .leftJoin(standings, eq(standings.accountNo, accounts.accountNo));
}

const standingOfAccount = preparedOnce((db) =>
  selectStandings(db, sql.placeholder('today'))
    .where(eq(accounts.accountNo, sql.placeholder('accountNo')))
    .prepare(),
);

/** Undefined for an account that does not exist. */
export function findStanding(db: Queries, accountNo: number, nowMs: number): Standing | undefined {
  return standingOfAccount(db).get({ accountNo, today: dayOf(nowMs) });
}

export function findStandingByName(db: Queries, name: string, nowMs: number): Standing | undefined {
  return selectStandings(db, dayOf(nowMs)).where(eq(accounts.name, name)).get();
}

/** Of all accounts, by name. */
export function listStandings(db: Queries, nowMs: number): Standing[] {
  return selectStandings(db, dayOf(nowMs)).orderBy(asc(accounts.name)).all();
}

/** In the transaction that makes the grant. */
export function recordPaidGrant(tx: Queries, accountNo: number, nowMs: number): void {
  const day = dayOf(nowMs);
  tx.insert(standings)
    .values({ accountNo, paidGrants: 1, grantDays: 1, lastGrantDay: day })
    .onConflictDoUpdate({
      target: standings.accountNo,
      set: {
        paidGrants: sql`${standings.paidGrants} + 1`,
        grantDays: sql`${standings.grantDays} + (${standings.lastGrantDay} < ${day})`,
        lastGrantDay: sql`max(${standings.lastGrantDay}, ${day})`,
      },
    })
    .run();
}

/** The operator's word; null takes it back. */
export function setDecision(tx: Queries, accountNo: number, decision: Tier | null): void {
  tx.insert(standings)
    .values({ accountNo, decision })
    .onConflictDoUpdate({ target: standings.accountNo, set: { decision } })
    .run();
}

const addedUnanswered = preparedOnce((db) => {
  const [ids, today] = [sql.placeholder('ids'), sql.placeholder('today')];
  return db
    .insert(standings)
    .values({ accountNo: sql.placeholder('accountNo'), unansweredIds: ids, unansweredDay: today })
    .onConflictDoUpdate({
      target: standings.accountNo,
      set: {
        unansweredIds: sql`iif(${standings.unansweredDay} = ${today}, ${standings.unansweredIds}, 0) + ${ids}`,
        unansweredDay: sql`${today}`,
      },
    })
    .returning({ unansweredIds: standings.unansweredIds })
    .prepare();
});

/** `ids` more questions are open. Returns how many are by now, today. */
export function addUnanswered(tx: Queries, accountNo: number, ids: number, nowMs: number): number {
  return addedUnanswered(tx).get({ accountNo, ids, today: dayOf(nowMs) }).unansweredIds;
}

const settledUnanswered = preparedOnce((db) =>
  db
    .update(standings)
    .set({ unansweredIds: sql`max(0, ${standings.unansweredIds} - ${sql.placeholder('ids')})` })
    .where(eq(standings.accountNo, sql.placeholder('accountNo')))
    .prepare(),
);

/** `ids` questions were answered by a claim or an upload. */
export function settleUnanswered(tx: Queries, accountNo: number, ids: number): void {
  if (ids > 0) settledUnanswered(tx).run({ accountNo, ids });
}
