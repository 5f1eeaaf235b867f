// Who is calling: bearer sessions, stored hashed.
import { and, desc, eq, gt, inArray, lte, ne, sql } from 'drizzle-orm';
import type { Queries } from './connection.js';
import { preparedOnce } from './prepared.js';
import { accounts, members, sessions, vaults } from './schema.js';

/** The account behind a request and the vault it works on. */
export interface SessionCaller {
  readonly accountNo: number;
  readonly accountId: string;
  readonly account: string;
  readonly vaultNo: number;
  readonly vaultId: string;
  readonly sessionId: string;
  readonly sessionCreatedAt: number;
  /** To the hour. */
  readonly sessionLastUsedAt: number;
  readonly sessionExpiresAt: number;
}

const callerOfSecret = preparedOnce((db) =>
  db
    .select({
      accountNo: accounts.accountNo,
      accountId: accounts.accountId,
      account: accounts.name,
      vaultNo: vaults.vaultNo,
      vaultId: vaults.vaultId,
      sessionId: sessions.sessionId,
      sessionCreatedAt: sessions.createdAt,
      sessionLastUsedAt: sessions.lastUsedAt,
      sessionExpiresAt: sessions.expiresAt,
    })
    .from(sessions)
    .innerJoin(accounts, eq(accounts.accountNo, sessions.accountNo))
    .innerJoin(members, eq(members.accountNo, accounts.accountNo))
    .innerJoin(vaults, eq(vaults.vaultNo, members.vaultNo))
    .where(
      and(eq(sessions.secretHash, sql.placeholder('secretHash')), gt(sessions.expiresAt, sql.placeholder('nowMs'))),
    )
    .orderBy(vaults.vaultNo)
    .limit(1)
    .prepare(),
);

export function findCaller(db: Queries, secretHash: Uint8Array, nowMs: number): SessionCaller | undefined {
  return callerOfSecret(db).get({ secretHash: Buffer.from(secretHash), nowMs });
}

export interface NewSession {
  readonly sessionId: string;
  readonly accountNo: number;
  readonly secretHash: Uint8Array;
  readonly label: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export function insertSession(db: Queries, session: NewSession): void {
  db.insert(sessions)
    .values({ ...session, lastUsedAt: session.createdAt, secretHash: Buffer.from(session.secretHash) })
    .run();
}

/** Notes a use of the session at `lastUsedAt`; it ends at `expiresAt` then. */
export function touchSession(
  db: Queries,
  sessionId: string,
  { lastUsedAt, expiresAt }: { lastUsedAt: number; expiresAt: number },
): void {
  db.update(sessions).set({ lastUsedAt, expiresAt }).where(eq(sessions.sessionId, sessionId)).run();
}

export interface ListedSession {
  readonly sessionId: string;
  readonly label: string;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly expiresAt: number;
}

/** Live sessions of an account, the one used last first. */
export function findSessions(db: Queries, accountNo: number, nowMs: number, countMax: number): ListedSession[] {
  return db
    .select({
      sessionId: sessions.sessionId,
      label: sessions.label,
      createdAt: sessions.createdAt,
      lastUsedAt: sessions.lastUsedAt,
      expiresAt: sessions.expiresAt,
    })
    .from(sessions)
    .where(and(eq(sessions.accountNo, accountNo), gt(sessions.expiresAt, nowMs)))
    .orderBy(desc(sessions.lastUsedAt), desc(sessions.createdAt), sessions.sessionId)
    .limit(countMax)
    .all();
}

export function deleteSession(db: Queries, sessionId: string): void {
  db.delete(sessions).where(eq(sessions.sessionId, sessionId)).run();
}

/** Ends a live session of this account; false where it has none of this id. */
export function deleteSessionOf(db: Queries, accountNo: number, sessionId: string, nowMs: number): boolean {
  const isOwn = and(eq(sessions.accountNo, accountNo), eq(sessions.sessionId, sessionId));
  return (
    db
      .delete(sessions)
      .where(and(isOwn, gt(sessions.expiresAt, nowMs)))
      .run().changes > 0
  );
}

/** Ends all sessions of an account but `keptSessionId`, where one is given; returns how many of them were live. */
export function deleteOtherSessions(tx: Queries, accountNo: number, nowMs: number, keptSessionId?: string): number {
  deleteExpiredSessions(tx, nowMs);
  const isOwn = eq(sessions.accountNo, accountNo);
  const isOther = keptSessionId === undefined ? isOwn : and(isOwn, ne(sessions.sessionId, keptSessionId));
  return tx.delete(sessions).where(isOther).run().changes;
}

export function deleteExpiredSessions(db: Queries, nowMs: number): void {
  db.delete(sessions).where(lte(sessions.expiresAt, nowMs)).run();
}

/** Ends those of the sessions that belong to the account. */
export function deleteSessionsOf(db: Queries, accountNo: number, sessionIds: readonly string[]): void {
  db.delete(sessions)
    .where(and(eq(sessions.accountNo, accountNo), inArray(sessions.sessionId, [...sessionIds])))
    .run();
}
