// Grants: what solved challenges allow, taken off row by row of work done (docs/proof-of-work.md, "Grants").
import assert from 'node:assert';
import { randomBytes } from 'node:crypto';
import { and, eq, gt, gte, lte, sql } from 'drizzle-orm';
import type { Budget } from '../../protocol/challenge-token.js';
import { ProtocolError } from '../../protocol/errors.js';
import { grantTtlMs } from '../../protocol/limits.js';
import type { Purpose } from '../../protocol/messages.js';
import type { Queries } from './connection.js';
import { grants } from './schema.js';

export interface Grant {
  /** 32 hex digits. */
  readonly grantId: string;
  readonly accountNo: number;
  readonly purpose: Purpose;
  readonly bytesLeft: number;
  readonly blobsLeft: number;
  readonly idsLeft: number;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

interface NewGrant {
  readonly accountNo: number;
  readonly purpose: Purpose;
  readonly budget: Budget;
  readonly nowMs: number;
}

export function createGrant(db: Queries, { accountNo, purpose, budget, nowMs }: NewGrant): Grant {
  const grant: Grant = {
    grantId: randomBytes(16).toString('hex'),
    accountNo,
    purpose,
    bytesLeft: budget.bytes,
    blobsLeft: budget.blobs,
    idsLeft: budget.ids,
    expiresAt: nowMs + grantTtlMs,
  };
  db.insert(grants).values(grant).run();
  return grant;
}

interface Spending {
  readonly accountNo: number;
  readonly grantId: string;
  readonly cost: Budget;
  readonly nowMs: number;
}

/**
 * Takes `cost` off a grant, all or nothing, in one statement: two spenders can never take the same rest. Call it in the
 * transaction that does the work. A cost of nothing only asks whether the grant is usable, and writes nothing. Throws ProtocolError `grant-invalid` for a grant that is unknown, another account's
 * or expired (they look alike), `grant-exhausted` when too little is left.
 */
export function spendGrant(tx: Queries, { accountNo, grantId, cost, nowMs }: Spending): void {
  const amounts = [cost.bytes, cost.blobs, cost.ids];
  for (const amount of amounts) assert(Number.isSafeInteger(amount) && amount >= 0);
  const usable = and(eq(grants.grantId, grantId), eq(grants.accountNo, accountNo), gt(grants.expiresAt, nowMs));
  const enough = and(
    gte(grants.bytesLeft, cost.bytes),
    gte(grants.blobsLeft, cost.blobs),
    gte(grants.idsLeft, cost.ids),
  );
  const isQuestion = amounts.every((amount) => amount === 0);
  if (!isQuestion) {
    const left = {
      bytesLeft: sql`${grants.bytesLeft} - ${cost.bytes}`,
      blobsLeft: sql`${grants.blobsLeft} - ${cost.blobs}`,
      idsLeft: sql`${grants.idsLeft} - ${cost.ids}`,
    };
    if (tx.update(grants).set(left).where(and(usable, enough)).run().changes === 1) return;
  }
  const known = tx.select({ grantId: grants.grantId }).from(grants).where(usable).get();
  if (known === undefined) throw new ProtocolError('grant-invalid', 'the grant is unknown or has expired');
  if (isQuestion) return;
  throw new ProtocolError('grant-exhausted', 'too little is left of the grant');
}

/** Housekeeping; spending looks at the expiry itself. */
export function deleteExpiredGrants(db: Queries, nowMs: number): void {
  db.delete(grants).where(lte(grants.expiresAt, nowMs)).run();
}
