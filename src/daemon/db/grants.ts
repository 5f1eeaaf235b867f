// Grants: what solved challenges allow, taken off row by row of work done (docs/proof-of-work.md, "Grants").
import assert from 'node:assert';
import { randomBytes } from 'node:crypto';
import { and, eq, gt, gte, lte, sql } from 'drizzle-orm';
import type { Budget } from '../../protocol/challenge-token.js';
import { ProtocolError } from '../../protocol/errors.js';
import { grantTtlMs } from '../../protocol/limits.js';
import type { Purpose } from '../../protocol/messages.js';
import type { Queries } from './connection.js';
import { preparedOnce } from './prepared.js';
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

const isUsable = and(
  eq(grants.grantId, sql.placeholder('grantId')),
  eq(grants.accountNo, sql.placeholder('accountNo')),
  gt(grants.expiresAt, sql.placeholder('nowMs')),
);

const takenOff = preparedOnce((db) =>
  db
    .update(grants)
    .set({
      bytesLeft: sql`${grants.bytesLeft} - ${sql.placeholder('bytes')}`,
      blobsLeft: sql`${grants.blobsLeft} - ${sql.placeholder('blobs')}`,
      idsLeft: sql`${grants.idsLeft} - ${sql.placeholder('ids')}`,
    })
    .where(
      and(
        isUsable,
        gte(grants.bytesLeft, sql.placeholder('bytes')),
        gte(grants.blobsLeft, sql.placeholder('blobs')),
        gte(grants.idsLeft, sql.placeholder('ids')),
      ),
    )
    .prepare(),
);

const usableGrant = preparedOnce((db) => db.select({ grantId: grants.grantId }).from(grants).where(isUsable).prepare());

/**
 * Takes `cost` off a grant, all or nothing, in one statement: two spenders can never take the same rest. Call it in the
 * transaction that does the work. A cost of nothing only asks whether the grant is usable, and writes nothing. Throws ProtocolError `grant-invalid` for a grant that is unknown, another account's
 * or expired (they look alike), `grant-exhausted` when too little is left.
 */
export function spendGrant(tx: Queries, { accountNo, grantId, cost, nowMs }: Spending): void {
  const { bytes, blobs, ids } = cost;
  const amounts = [bytes, blobs, ids];
  for (const amount of amounts) assert(Number.isSafeInteger(amount) && amount >= 0);
  const usable = { accountNo, grantId, nowMs };
  const isQuestion = amounts.every((amount) => amount === 0);
  if (!isQuestion && takenOff(tx).run({ ...usable, bytes, blobs, ids }).changes === 1) return;
  if (usableGrant(tx).get(usable) === undefined) {
    throw new ProtocolError('grant-invalid', 'the grant is unknown or has expired');
  }
  if (isQuestion) return;
  throw new ProtocolError('grant-exhausted', 'too little is left of the grant');
}

/** Housekeeping; spending looks at the expiry itself. */
export function deleteExpiredGrants(db: Queries, nowMs: number): void {
  db.delete(grants).where(lte(grants.expiresAt, nowMs)).run();
}
