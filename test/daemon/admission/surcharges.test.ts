// Who pays more than the price, and why (docs/proof-of-work.md, "Surcharges").
import { describe, expect, it } from 'vitest';
import { networkOf } from '../../../src/daemon/admission/network-prefix.js';
import { type Applicant, loginOf, Surcharges } from '../../../src/daemon/admission/surcharges.js';
import { VerifyBudget, verifyShare } from '../../../src/daemon/admission/verify-budget.js';

const network = '192.0.2.0/24';
const anna: Applicant = { purpose: 'upload', tier: 'established', account: 'anna', network };
const newcomer: Applicant = { ...anna, account: 'new', tier: 'new' };

describe('surcharges', () => {
  it('are none for whoever has done nothing', () => {
    const surcharges = new Surcharges(0);
    for (const applicant of [anna, newcomer, loginOf('anna', network)]) expect(surcharges.of(applicant, 50, 0)).toBe(1);
  });

  it('of a network are the square root of what it takes over its allowance, eight at most, and halve in ten minutes', () => {
    const surcharges = new Surcharges(0);
    for (let i = 0; i < 10; i += 1)
      surcharges.countNewcomer({ ...newcomer, purpose: 'register', account: undefined }, 0);
    expect(surcharges.of(newcomer, 1, 0)).toBeCloseTo(1, 6);
    for (let i = 0; i < 30; i += 1)
      surcharges.countNewcomer({ ...newcomer, purpose: 'register', account: undefined }, 0);
    expect(surcharges.of(newcomer, 1, 0)).toBeCloseTo(2, 6);
    expect(surcharges.of(loginOf('bert', network), 1, 0)).toBeCloseTo(2, 6);
    expect(surcharges.of(newcomer, 1, 10 * 60_000)).toBeCloseTo(Math.SQRT2, 6);
    // Neither other networks nor established accounts pay for it.
    expect(surcharges.of({ ...newcomer, network: '198.51.100.0/24' }, 1, 0)).toBe(1);
    expect(surcharges.of({ ...newcomer, network: undefined }, 1, 0)).toBe(1);
    expect(surcharges.of(anna, 1, 0)).toBe(1);
    for (let i = 0; i < 5000; i += 1)
      surcharges.countNewcomer({ ...newcomer, purpose: 'register', account: undefined }, 0);
    expect(surcharges.of(newcomer, 1, 0)).toBe(8);
  });

  it('of a login double from the third that did not succeed, 256 at most, for this name and network alone', () => {
    const surcharges = new Surcharges(0);
    const login = loginOf('anna', network);
    const fail = () => {
      surcharges.countFailedLogins(login.login, network, 1, 0);
      return surcharges.of(login, 1, 0);
    };
    expect([fail(), fail(), fail(), fail()]).toEqual([1, 1, 2, 4]);
    surcharges.countFailedLogins(login.login, network, -1, 0);
    expect(surcharges.of(login, 1, 0)).toBe(2);
    for (let i = 0; i < 20; i += 1) fail();
    expect(surcharges.of(login, 1, 0)).toBe(256);
    expect(surcharges.of(loginOf('bert', network), 1, 0)).toBe(1);
    expect(surcharges.of(loginOf('anna', '198.51.100.0/24'), 1, 0)).toBe(1);
  });

  it('of questions without an answer begin with the second grant of them, 64 at most', () => {
    const surcharges = new Surcharges(0);
    const of = (unansweredIds: number, purpose: 'query' | 'upload' = 'query') =>
      surcharges.of({ ...anna, purpose, unansweredIds }, 1, 0);
    expect([of(16_384), of(32_768), of(1e9), of(1e9, 'upload')]).toEqual([1, 2, 64, 1]);
  });

  it('of wrong proofs of a token are its own: its account is heard on', () => {
    const surcharges = new Surcharges(0);
    const job: Applicant = { ...anna, token: 'job' };
    for (let i = 0; i < 3; i += 1) surcharges.proofFailed(job, 0);
    expect([surcharges.of(job, 1, 0), surcharges.isDeafTo(job, 0)]).toEqual([64, true]);
    expect([surcharges.of(anna, 1, 0), surcharges.isDeafTo(anna, 0), surcharges.hasStrike('anna', 0)]).toEqual([
      1,
      false,
      false,
    ]);
    for (let i = 0; i < 3; i += 1) surcharges.proofFailed(anna, 0);
    expect(surcharges.isDeafTo({ ...anna, token: 'other' }, 0)).toBe(true);
  });

  it('of wrong proofs are fourfold for each, and after three the account is not heard for an hour', () => {
    const surcharges = new Surcharges(0);
    const fail = () => {
      surcharges.proofFailed(anna, 0);
      return [surcharges.of(anna, 1, 0), surcharges.isDeafTo(anna, 0)];
    };
    expect([fail(), fail(), fail()]).toEqual([
      [4, false],
      [16, false],
      [64, true],
    ]);
    expect(surcharges.isDeafTo(anna, 60 * 60_000 - 1)).toBe(true);
    expect(surcharges.isDeafTo(anna, 60 * 60_000)).toBe(false);
    expect(surcharges.of(anna, 1, 60 * 60_000)).toBe(1);
    surcharges.proofFailed(newcomer, 0);
    expect(surcharges.hasStrike('new', 10 * 60_000 - 1)).toBe(true);
    expect(surcharges.hasStrike('new', 10 * 60_000)).toBe(false);
  });
});

describe('networkOf', () => {
  it.each([
    ['192.0.2.77', '192.0.2.0/24'],
    ['::ffff:192.0.2.77', '192.0.2.0/24'],
    ['2001:db8:1:2ff::5', '2001:db8:1:200::/56'],
    ['2001:db8::', '2001:db8:0:0::/56'],
    ['fe80::1%eth0', 'fe80:0:0:0::/56'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/56'],
    ['127.0.0.1', undefined],
    ['::1', undefined],
    ['::ffff:127.0.0.1', undefined],
    ['unknown', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s is %s', (address, prefix) => {
    expect(networkOf(address)).toBe(prefix);
  });
});

describe('the budget of checking', () => {
  it('is a fifth of a core, and half of it is left for those whose turn it is', () => {
    const budget = new VerifyBudget(0);
    expect(budget.auditWeight('new', 0)).toBe(1);
    budget.spend(0.1);
    expect(budget.auditWeight('new', 0)).toBe(0);
    expect(budget.hasRoom(0)).toBe(true);
    budget.spend(0.1);
    expect(budget.hasRoom(0)).toBe(false);
    expect(budget.hasRoom(1)).toBe(true);
    budget.spend(1);
    expect(budget.hasRoom(4000)).toBe(false);
    expect(budget.hasRoom(1000 / verifyShare + 1)).toBe(true);
    expect(budget.spentSeconds).toBeCloseTo(1.2, 6);
  });

  it('looks at some of a flood, each for all that it stands for, and at every bid of the other tier', () => {
    const budget = new VerifyBudget(0);
    for (let i = 0; i < 100_000; i += 1) budget.auditWeight('new', 0);
    budget.tick(1);
    let sum = 0;
    let looked = 0;
    let seed = 1;
    const random = () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
    for (let i = 0; i < 100_000; i += 1) {
      const weight = budget.auditWeight('new', 0, random);
      sum += weight;
      looked += weight > 0 ? 1 : 0;
    }
    expect(looked).toBeLessThan(500);
    expect(Math.abs(sum / 100_000 - 1)).toBeLessThan(0.2);
    expect(budget.auditWeight('established', 0, random)).toBe(1);
  });
});
