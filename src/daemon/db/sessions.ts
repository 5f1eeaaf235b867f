// Who is calling: bearer sessions, stored hashed.
import { and, eq, gt, inArray, lte } from 'drizzle-orm';
import type { Queries } from './connection.js';
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
  readonly sessionExpiresAt: number;
}

export function findCaller(db: Queries, secretHash: Uint8Array, nowMs: number): SessionCaller | undefined {
  return db
    .select({
      accountNo: accounts.accountNo,
      accountId: accounts.accountId,
      account: accounts.name,
      vaultNo: vaults.vaultNo,
      vaultId: vaults.vaultId,
      sessionId: sessions.sessionId,
      sessionCreatedAt: sessions.createdAt,
      sessionExpiresAt: sessions.expiresAt,
    })
    .from(sessions)
    .innerJoin(accounts, eq(accounts.accountNo, sessions.accountNo))
    .innerJoin(members, eq(members.accountNo, accounts.accountNo))
    .innerJoin(vaults, eq(vaults.vaultNo, members.vaultNo))
    .where(and(eq(sessions.secretHash, Buffer.from(secretHash)), gt(sessions.expiresAt, nowMs)))
    .orderBy(vaults.vaultNo)
    .limit(1)
    .get();
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
    .values({ ...session, secretHash: Buffer.from(session.secretHash) })
    .run();
}

export function renewSession(db: Queries, sessionId: string, expiresAt: number): void {
  db.update(sessions).set({ expiresAt }).where(eq(sessions.sessionId, sessionId)).run();
}

export function deleteSession(db: Queries, sessionId: string): void {
  db.delete(sessions).where(eq(sessions.sessionId, sessionId)).run();
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
