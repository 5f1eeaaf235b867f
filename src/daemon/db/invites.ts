// Invitations of the operator (docs/operating.md, "Users"): each makes one registration cheap and its account established.
import { and, eq, gt, lte } from 'drizzle-orm';
import type { Queries } from './connection.js';
import { invites } from './schema.js';

export function insertInvite(tx: Queries, secretHash: Uint8Array, nowMs: number, expiresAt: number): void {
  tx.insert(invites)
    .values({ secretHash: Buffer.from(secretHash), createdAt: nowMs, expiresAt })
    .run();
}

function usable(secretHash: Uint8Array, nowMs: number) {
  return and(eq(invites.secretHash, Buffer.from(secretHash)), gt(invites.expiresAt, nowMs));
}

export function isInviteUsable(db: Queries, secretHash: Uint8Array, nowMs: number): boolean {
  return db.select().from(invites).where(usable(secretHash, nowMs)).get() !== undefined;
}

/** False where it was used before, has expired or never was. */
export function useInvite(tx: Queries, secretHash: Uint8Array, nowMs: number): boolean {
  tx.delete(invites).where(lte(invites.expiresAt, nowMs)).run();
  return tx.delete(invites).where(usable(secretHash, nowMs)).run().changes === 1;
}
