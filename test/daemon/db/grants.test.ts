// Grants are spent to the last unit and never beyond (docs/proof-of-work.md, "Grants").
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../src/daemon/db/connection.js';
import { createGrant, deleteExpiredGrants, type Grant, spendGrant } from '../../../src/daemon/db/grants.js';
import { grants } from '../../../src/daemon/db/schema.js';
import type { Budget } from '../../../src/protocol/challenge-token.js';
import { grantBudgets, grantTtlMs } from '../../../src/protocol/limits.js';
import { insertAccount } from '../../helpers/accounts.js';
import { protocolCodeOf } from '../../helpers/protocol-code.js';

const nowMs = 1_800_000_000_000;
const nothing: Budget = { bytes: 0, blobs: 0, ids: 0 };
let database: Database;
let accountNo: number;
let otherNo: number;

beforeAll(async () => {
  database = await openDatabase(':memory:');
  accountNo = insertAccount(database, 'anna', nowMs).accountNo;
  otherNo = insertAccount(database, 'bert', nowMs).accountNo;
});

afterAll(() => {
  database.close();
});

function grantOf(budget: Budget): Grant {
  return createGrant(database.orm, { accountNo, purpose: 'upload', budget, nowMs });
}

function spend(grant: Grant, cost: Partial<Budget>, other: { accountNo?: number; nowMs?: number } = {}): string {
  const spending = { accountNo, grantId: grant.grantId, cost: { ...nothing, ...cost }, nowMs, ...other };
  return protocolCodeOf(() => {
    database.transaction((tx) => {
      spendGrant(tx, spending);
    });
  });
}

function leftOf(grant: Grant): Budget | undefined {
  const row = database.orm
    .select()
    .from(grants)
    .all()
    .find(({ grantId }) => grantId === grant.grantId);
  return row && { bytes: row.bytesLeft, blobs: row.blobsLeft, ids: row.idsLeft };
}

describe('a grant', () => {
  it('is spent to the last byte, blob and id, and then exhausted', () => {
    const grant = grantOf({ bytes: 100, blobs: 3, ids: 5 });
    expect(grant.grantId).toMatch(/^[0-9a-f]{32}$/);
    expect(spend(grant, { bytes: 60, blobs: 1 })).toBe('none');
    expect(spend(grant, { bytes: 40, blobs: 2, ids: 5 })).toBe('none');
    expect(leftOf(grant)).toEqual(nothing);
    expect(spend(grant, {})).toBe('none');
    for (const cost of [{ bytes: 1 }, { blobs: 1 }, { ids: 1 }]) expect(spend(grant, cost)).toBe('grant-exhausted');
  });

  it('loses nothing to a spending that asks for one unit too many of anything', () => {
    const budget = { bytes: 100, blobs: 3, ids: 5 };
    const grant = grantOf(budget);
    for (const more of [{ bytes: 101 }, { blobs: 4 }, { ids: 6 }]) {
      expect(spend(grant, { bytes: 1, blobs: 1, ids: 1, ...more })).toBe('grant-exhausted');
    }
    expect(leftOf(grant)).toEqual(budget);
  });

  it('keeps what it had when the work it pays for fails', () => {
    const grant = grantOf(grantBudgets.upload);
    const failing = (): void => {
      database.transaction((tx) => {
        spendGrant(tx, { accountNo, grantId: grant.grantId, cost: { bytes: 5, blobs: 1, ids: 0 }, nowMs });
        throw new Error('the disk is full');
      });
    };
    expect(failing).toThrow('the disk is full');
    expect(leftOf(grant)).toEqual(grantBudgets.upload);
  });

  it('is invalid for another account, for an unknown id and after its hour', () => {
    const grant = grantOf(grantBudgets.upload);
    expect(spend(grant, { bytes: 1 }, { accountNo: otherNo })).toBe('grant-invalid');
    expect(spend({ ...grant, grantId: '0'.repeat(32) }, { bytes: 1 })).toBe('grant-invalid');
    expect(spend(grant, { bytes: 1 }, { nowMs: nowMs + grantTtlMs })).toBe('grant-invalid');
    // A cost of nothing asks the same question.
    expect(spend(grant, {}, { accountNo: otherNo })).toBe('grant-invalid');
    expect(spend({ ...grant, grantId: '0'.repeat(32) }, {})).toBe('grant-invalid');
    expect(spend(grant, {}, { nowMs: nowMs + grantTtlMs })).toBe('grant-invalid');
    expect(leftOf(grant)).toEqual(grantBudgets.upload);
    expect(spend(grant, { bytes: 1 }, { nowMs: nowMs + grantTtlMs - 1 })).toBe('none');
  });

  it('never gives more than its budget, whatever is asked in whatever order', () => {
    const amounts = fc.record({ bytes: fc.nat({ max: 60 }), blobs: fc.nat({ max: 3 }), ids: fc.nat({ max: 3 }) });
    fc.assert(
      fc.property(fc.array(amounts, { maxLength: 12 }), (costs) => {
        const left = { bytes: 100, blobs: 5, ids: 6 };
        const grant = grantOf(left);
        for (const cost of costs) {
          const fits = cost.bytes <= left.bytes && cost.blobs <= left.blobs && cost.ids <= left.ids;
          expect(spend(grant, cost)).toBe(fits ? 'none' : 'grant-exhausted');
          if (!fits) continue;
          left.bytes -= cost.bytes;
          left.blobs -= cost.blobs;
          left.ids -= cost.ids;
        }
        expect(leftOf(grant)).toEqual(left);
      }),
      { numRuns: 50 },
    );
  });

  it('holds amounts beyond 32 bits exactly', () => {
    const grant = grantOf({ bytes: 2 ** 50 + 1, blobs: 0, ids: 0 });
    expect(spend(grant, { bytes: 2 ** 40 + 1 })).toBe('none');
    expect(leftOf(grant)?.bytes).toBe(2 ** 50 - 2 ** 40);
  });

  it('refuses a negative or broken cost as a bug', () => {
    const grant = grantOf(grantBudgets.upload);
    for (const bytes of [-1, 0.5, Number.NaN]) expect(() => spend(grant, { bytes })).toThrow();
    expect(leftOf(grant)).toEqual(grantBudgets.upload);
  });

  it('is deleted when it has expired, and only then', () => {
    const grant = grantOf(grantBudgets.upload);
    deleteExpiredGrants(database.orm, nowMs + grantTtlMs - 1);
    expect(leftOf(grant)).toEqual(grantBudgets.upload);
    deleteExpiredGrants(database.orm, nowMs + grantTtlMs);
    expect(leftOf(grant)).toBeUndefined();
  });
});
