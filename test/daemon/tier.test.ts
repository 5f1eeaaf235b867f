// Who counts as established (docs/proof-of-work.md, "Tiers").
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findStanding, listStandings, recordPaidGrant, setDecision } from '../../src/daemon/db/standings.js';
import { tierOf } from '../../src/daemon/tier.js';
import { openTestDaemon, type TestCaller, type TestDaemon } from '../helpers/daemon-fixture.js';

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;

let daemon: TestDaemon;
let ann: TestCaller;
let startMs: number;

beforeEach(async () => {
  daemon = await openTestDaemon();
  ann = daemon.addCaller('ann');
  startMs = daemon.clock.nowMs;
});

afterEach(() => daemon.close());

function tierAt(nowMs: number, hasStrike = false): string {
  const standing = findStanding(daemon.services.database.orm, ann.accountNo, nowMs);
  return standing === undefined ? 'none' : tierOf(standing, hasStrike, nowMs);
}

function pay(...days: number[]): void {
  for (const day of days) recordPaidGrant(daemon.services.database.orm, ann.accountNo, startMs + day * dayMs);
}

test('an account is established after 72 hours with five paid grants on three days', () => {
  expect(tierAt(startMs + 100 * dayMs)).toBe('new');
  pay(0, 1, 2, 2, 2);
  expect(tierAt(startMs + 72 * hourMs - 1)).toBe('new');
  expect(tierAt(startMs + 72 * hourMs)).toBe('established');
});

test('four grants are too few, and so are two days', () => {
  pay(0, 1, 2, 3);
  expect(tierAt(startMs + 10 * dayMs)).toBe('new');
  pay(3);
  expect(tierAt(startMs + 10 * dayMs)).toBe('established');
});

test('grants on two days are not enough, and a clock that goes back makes no new day', () => {
  pay(3, 3, 4, 4, 4, 3, 2);
  expect(tierAt(startMs + 10 * dayMs)).toBe('new');
});

test('a strike makes an account new for its time', () => {
  pay(0, 1, 2, 3, 4);
  expect(tierAt(startMs + 10 * dayMs, true)).toBe('new');
  expect(tierAt(startMs + 10 * dayMs, false)).toBe('established');
});

test("the operator's word wins until it is taken back", () => {
  const { orm } = daemon.services.database;
  setDecision(orm, ann.accountNo, 'established');
  expect(tierAt(startMs)).toBe('established');
  pay(0, 1, 2, 3, 4);
  setDecision(orm, ann.accountNo, 'new');
  expect(tierAt(startMs + 10 * dayMs)).toBe('new');
  setDecision(orm, ann.accountNo, null);
  expect(tierAt(startMs + 10 * dayMs)).toBe('established');
  daemon.addCaller('bert');
  expect(listStandings(orm, startMs).map(({ name, paidGrants }) => [name, paidGrants])).toEqual([
    ['ann', 5],
    ['bert', 0],
  ]);
});
