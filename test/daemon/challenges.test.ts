// Challenges are issued, solved, redeemed once, and refused in every other way (docs/proof-of-work.md, "Checking").
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freePrice } from '../../src/daemon/admission/prices.js';
import type { ExpectedChallenge } from '../../src/daemon/challenges.js';
import { replayBlockNumbers } from '../../src/daemon/replay-window.js';
import { fromBase64, toBase64 } from '../../src/protocol/bytes.js';
import { ProtocolError } from '../../src/protocol/errors.js';
import { grantBudgets } from '../../src/protocol/limits.js';
import type { CreateChallengeResponse, Proof } from '../../src/protocol/messages.js';
import {
  attemptSeed,
  challengeBinding,
  challengeSeed,
  encodeSolutions,
  isCanonical,
  isSolved,
  type Solution,
} from '../../src/protocol/proof-of-work.js';
import { startChallenges, type TestChallenges, type TestPrice } from '../helpers/challenges.js';
import { findSolutions } from '../helpers/proof-of-work.js';
import { protocolCodeOf } from '../helpers/protocol-code.js';

const masterKey = new Uint8Array(32).fill(1);
const startMs = 1_800_000_000_000;
const accountId = '00112233445566778899aabbccddeeff';
const expected: ExpectedChallenge = { purposes: ['upload', 'query'], accountId };
const cheap: TestPrice = { puzzles: 4, effort256: 256 };

function start(price: TestPrice = cheap, now: () => number = () => startMs): TestChallenges {
  return startChallenges({ masterKey, price, now });
}

function proofOf(challenge: CreateChallengeResponse, solutions: readonly Solution[]): Proof {
  return { token: challenge.token, solutions: encodeSolutions(solutions) };
}

function solved(challenge: CreateChallengeResponse): Proof {
  return proofOf(challenge, findSolutions(challenge));
}

/** A canonical record that solves nothing: what a cheat fills up with. */
function fakeSolution(challenge: CreateChallengeResponse, attempt: number): Solution {
  const indices = Uint16Array.from([0, 1, 2, 3, 4, 5, 6, 7]);
  const seed = attemptSeed(challengeSeed(fromBase64(challenge.token)), attempt);
  expect(isCanonical(indices) && !isSolved(seed, indices)).toBe(true);
  return { attempt, indices };
}

describe('a solved challenge', () => {
  it('is redeemed for the budget of its purpose', () => {
    const challenges = start();
    for (const purpose of ['upload', 'query'] as const) {
      const challenge = challenges.issue({ purpose, accountId });
      expect(challenge).toMatchObject({ algorithm: 'eq60', puzzles: 4, effort256: 256, expectedAttempts: 2 });
      const redeemed = { purpose, tier: 'new', budget: grantBudgets[purpose] };
      expect(challenges.redeem(solved(challenge), expected)).toEqual(redeemed);
    }
  });

  it('is redeemed for a login with the same binding', () => {
    const challenges = start();
    const binding = challengeBinding('login', 'anna');
    const challenge = challenges.issue({ purpose: 'login', binding });
    const redeemed = challenges.redeem(solved(challenge), { purposes: ['login'], binding });
    expect(redeemed).toEqual({ purpose: 'login', tier: 'new', budget: { bytes: 0, blobs: 0, ids: 0 } });
  });

  it('of several grants in one has their budget, and the bid that its solutions are worth', () => {
    const challenges = start({ puzzles: 4, effort256: 512, floorAttempts: 8 });
    const challenge = challenges.issue({ purpose: 'query', accountId, units: 3, tier: 'established' });
    expect(challenge.tier).toBe('established');
    const open = challenges.whole.open(proofOf(challenge, findSolutions(challenge, 6)), expected);
    // Six solutions through a filter of two are six attempts, and eight are worth a factor of one.
    expect(open.factorPaid).toBe(6 / 8);
    const { ids } = grantBudgets.query;
    expect(challenges.whole.claim(open).budget).toEqual({ bytes: 0, blobs: 0, ids: 3 * ids });
  });

  it('that was told to wait is refused before its time, ticket or not, and good after it', () => {
    let nowMs = startMs;
    const challenges = start(cheap, () => nowMs);
    const proof = solved(challenges.issue({ purpose: 'upload', accountId }));
    const { retry } = challenges.whole.delay(challenges.whole.open(proof, expected), 3.2);
    expect(retry?.notBefore).toBe(new Date(startMs + 4000).toISOString());
    nowMs += 3999;
    expect(protocolCodeOf(() => challenges.redeem(proof, expected))).toBe('not-admitted');
    expect(
      protocolCodeOf(() => {
        challenges.whole.turnAway(retry?.ticket);
      }),
    ).toBe('not-admitted');
    nowMs += 1;
    challenges.whole.turnAway(retry?.ticket);
    challenges.whole.turnAway(undefined);
    expect(protocolCodeOf(() => challenges.redeem(proof, expected))).toBe('none');
  });

  it('counts its solutions as work once, however often it comes', () => {
    const challenges = start();
    const challenge = challenges.issue({ purpose: 'upload', accountId });
    const found = findSolutions(challenge, 6);
    const countOf = (count: number) =>
      challenges.whole.countNew(challenges.whole.open(proofOf(challenge, found.slice(0, count)), expected));
    expect([countOf(4), countOf(4), countOf(6), countOf(5)]).toEqual([4, 0, 2, 0]);
  });

  it('is redeemed with more solutions than it asks for', () => {
    const challenges = start();
    const challenge = challenges.issue({ purpose: 'upload', accountId });
    const proof = proofOf(challenge, findSolutions(challenge, 9));
    expect(challenges.redeem(proof, expected)).toMatchObject({ purpose: 'upload', budget: grantBudgets.upload });
  });

  it('is redeemed once', () => {
    const challenges = start();
    const proof = solved(challenges.issue({ purpose: 'upload', accountId }));
    challenges.redeem(proof, expected);
    for (let i = 0; i < 3; i += 1)
      expect(protocolCodeOf(() => challenges.redeem(proof, expected))).toBe('challenge-spent');
  });

  it('is worth nothing after a restart, spent or not', () => {
    const challenges = start();
    const unspent = solved(challenges.issue({ purpose: 'upload', accountId }));
    const spent = solved(challenges.issue({ purpose: 'upload', accountId }));
    challenges.redeem(spent, expected);
    const restarted = start();
    for (let i = 0; i < 2; i += 1) restarted.issue({ purpose: 'upload', accountId });
    for (const proof of [unspent, spent]) {
      expect(protocolCodeOf(() => restarted.redeem(proof, expected))).toBe('challenge-expired');
    }
  });

  it('is worth nothing at another replica or under another master key', () => {
    const same = { masterKey, price: cheap, now: () => startMs, replica: 2, epoch: 5 };
    const proof = solved(startChallenges(same).issue({ purpose: 'upload', accountId }));
    const replica = startChallenges({ ...same, replica: 1 });
    replica.issue({ purpose: 'upload', accountId });
    expect(protocolCodeOf(() => replica.redeem(proof, expected))).toBe('challenge-expired');
    const stranger = startChallenges({ ...same, masterKey: new Uint8Array(32) });
    expect(protocolCodeOf(() => stranger.redeem(proof, expected))).toBe('challenge-invalid');
  });

  it('is good until its last millisecond and not after', () => {
    let nowMs = startMs + 999;
    const challenges = start(cheap, () => nowMs);
    const [first, second] = [1, 2].map(() => challenges.issue({ purpose: 'upload', accountId }));
    expect(first?.expiresAt).toBe(new Date(startMs + 120_000).toISOString());
    const [firstProof, secondProof] = [first, second].map((challenge) => solved(challenge as CreateChallengeResponse));
    nowMs = startMs + 119_999;
    challenges.redeem(firstProof as Proof, expected);
    nowMs += 1;
    expect(protocolCodeOf(() => challenges.redeem(secondProof as Proof, expected))).toBe('challenge-expired');
  });

  it('lives longer where it is dear, ten minutes at most', () => {
    const lifetimeS = (effort256: number): number => {
      const { expiresAt } = start({ puzzles: 16, effort256 }).issue({ purpose: 'register' });
      return (Date.parse(expiresAt) - startMs) / 1000;
    };
    expect([256, 128_000, 2 ** 31].map(lifetimeS)).toEqual([120, 240, 600]);
  });

  const wrong: [string, ExpectedChallenge][] = [
    ['purpose', { purposes: ['query'], accountId }],
    ['account', { purposes: ['upload'], accountId: 'ffeeddccbbaa99887766554433221100' }],
    ['kind of caller', { purposes: ['upload'] }],
    ['binding', { purposes: ['upload'], accountId, binding: new Uint8Array(32).fill(1) }],
  ];
  it.each(wrong)('is refused for another %s, and stays good', (_, other) => {
    const challenges = start();
    const proof = solved(challenges.issue({ purpose: 'upload', accountId }));
    expect(protocolCodeOf(() => challenges.redeem(proof, other))).toBe('challenge-invalid');
    expect(protocolCodeOf(() => challenges.redeem(proof, expected))).toBe('none');
  });

  it('is refused for another name than it was bound to', () => {
    const challenges = start();
    const proof = solved(challenges.issue({ purpose: 'register', binding: challengeBinding('register', 'anna') }));
    const other = { purposes: ['register'] as const, binding: challengeBinding('register', 'bert') };
    expect(protocolCodeOf(() => challenges.redeem(proof, other))).toBe('challenge-invalid');
  });
});

describe('a free challenge', () => {
  it('needs no solution and is still redeemed once', () => {
    const challenges = start(freePrice);
    const challenge = challenges.issue({ purpose: 'query', accountId });
    expect(challenge).toMatchObject({ puzzles: 0, expectedAttempts: 0 });
    const proof = { token: challenge.token, solutions: '' };
    expect(challenges.redeem(proof, expected).budget).toEqual(grantBudgets.query);
    expect(protocolCodeOf(() => challenges.redeem(proof, expected))).toBe('challenge-spent');
  });
});

describe('a false proof', () => {
  function refusedAndSpent(make: (challenge: CreateChallengeResponse, honest: Solution[]) => Solution[]): void {
    const challenges = start();
    const challenge = challenges.issue({ purpose: 'upload', accountId });
    const honest = findSolutions(challenge, 5);
    const proof = proofOf(challenge, make(challenge, honest));
    expect(protocolCodeOf(() => challenges.redeem(proof, expected))).toBe('proof-insufficient');
    const right = proofOf(challenge, honest.slice(0, 4));
    expect(protocolCodeOf(() => challenges.redeem(right, expected))).toBe('challenge-spent');
  }

  it('with too few solutions uses the challenge up', () => {
    refusedAndSpent((_, honest) => honest.slice(0, 3));
    refusedAndSpent(() => []);
  });

  it('with a permuted solution uses the challenge up', () => {
    refusedAndSpent((_, [first, ...others]) => {
      const { attempt, indices } = first as Solution;
      const swapped = Uint16Array.from([...indices.subarray(4), ...indices.subarray(0, 4)]);
      return [{ attempt, indices: swapped }, ...others.slice(0, 3)];
    });
  });

  it('with one of its sixteen solutions being another one permuted is always caught', () => {
    const challenges = start({ puzzles: 16, effort256: 256 });
    for (let round = 0; round < 6; round += 1) {
      const challenge = challenges.issue({ purpose: 'upload', accountId });
      const honest = findSolutions(challenge, 15);
      const { attempt, indices } = honest[0] as Solution;
      const again = { attempt, indices: Uint16Array.from([...indices.subarray(4), ...indices.subarray(0, 4)]) };
      expect(protocolCodeOf(() => challenges.redeem(proofOf(challenge, [...honest, again]), expected))).toBe(
        'proof-insufficient',
      );
    }
  });

  it('with one solution twice never gets as far as the challenge', () => {
    const challenges = start();
    const challenge = challenges.issue({ purpose: 'upload', accountId });
    const honest = findSolutions(challenge);
    const twice = proofOf(challenge, [...honest.slice(0, 3), ...honest.slice(0, 1)]);
    expect(protocolCodeOf(() => challenges.redeem(twice, expected))).toBe('malformed');
    expect(protocolCodeOf(() => challenges.redeem(proofOf(challenge, honest), expected))).toBe('none');
  });

  it('with the solutions of another challenge uses the challenge up', () => {
    const challenges = start();
    const [mine, other] = [1, 2].map(() => challenges.issue({ purpose: 'upload', accountId }));
    const stolen = findSolutions(other as CreateChallengeResponse);
    const proof = proofOf(mine as CreateChallengeResponse, stolen);
    expect(protocolCodeOf(() => challenges.redeem(proof, expected))).toBe('proof-insufficient');
    expect(protocolCodeOf(() => challenges.redeem(proof, expected))).toBe('challenge-spent');
  });

  it('with one true solution below the filter is always caught', () => {
    const challenges = start({ puzzles: 8, effort256: 512 });
    for (let round = 0; round < 3; round += 1) {
      const challenge = challenges.issue({ purpose: 'upload', accountId });
      const weak = findSolutions(challenge, 1, false);
      const proof = proofOf(challenge, [...findSolutions(challenge, 7), ...weak]);
      expect(protocolCodeOf(() => challenges.redeem(proof, expected))).toBe('proof-insufficient');
    }
  });

  it('with thirteen or more fakes of sixteen is always caught', () => {
    const challenges = start({ puzzles: 16, effort256: 256 });
    for (let round = 0; round < 20; round += 1) {
      const challenge = challenges.issue({ purpose: 'upload', accountId });
      const fakes = Array.from({ length: 13 }, (_, i) => fakeSolution(challenge, 1_000_000 + i));
      const proof = proofOf(challenge, [...findSolutions(challenge, 3), ...fakes]);
      expect(protocolCodeOf(() => challenges.redeem(proof, expected))).toBe('proof-insufficient');
    }
  });

  it('with one fake of eight that passes the filter is caught every other time', () => {
    // Four of eight are looked at: a mean of 20 of 40 with a deviation of 3.2; the bounds are 4.7 deviations away.
    const challenges = start({ puzzles: 8, effort256: 256 });
    let caught = 0;
    for (let round = 0; round < 40; round += 1) {
      const challenge = challenges.issue({ purpose: 'upload', accountId });
      const proof = proofOf(challenge, [...findSolutions(challenge, 7), fakeSolution(challenge, 1_000_000)]);
      if (protocolCodeOf(() => challenges.redeem(proof, expected)) === 'proof-insufficient') caught += 1;
    }
    expect(caught).toBeGreaterThanOrEqual(5);
    expect(caught).toBeLessThanOrEqual(35);
  });
});

describe('a forged token', () => {
  it('is refused with any bit flipped, and the true one stays good', () => {
    const challenges = start();
    const challenge = challenges.issue({ purpose: 'upload', accountId });
    const { solutions } = solved(challenge);
    const bytes = fromBase64(challenge.token);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const forged = Uint8Array.from(bytes);
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const code = protocolCodeOf(() => challenges.redeem({ token: toBase64(forged), solutions }, expected));
      if (code !== 'challenge-invalid') throw new Error(`bit ${String(bit)} gave ${code}`);
    }
    expect(protocolCodeOf(() => challenges.redeem({ token: challenge.token, solutions }, expected))).toBe('none');
  });

  it('is told from a true one before anybody asks who sent it', () => {
    const challenges = start();
    const { token } = challenges.issue({ purpose: 'upload', accountId });
    const forged = fromBase64(token);
    forged[119] = (forged[119] ?? 0) ^ 1;
    const screen = (text: string): string =>
      protocolCodeOf(() => {
        challenges.whole.screen({ token: text, solutions: '' });
      });
    expect([screen(token), screen(toBase64(forged))]).toEqual(['none', 'challenge-invalid']);
  });

  it('of any bytes ends in a protocol error', () => {
    const challenges = start();
    const { token } = challenges.issue({ purpose: 'upload', accountId });
    const texts = fc.oneof(
      fc.string(),
      fc.uint8Array({ minLength: 120, maxLength: 120 }).map(toBase64),
      fc.constant(token),
    );
    fc.assert(
      fc.property(texts, fc.oneof(fc.string(), fc.uint8Array({ maxLength: 1300 }).map(toBase64)), (text, solutions) => {
        expect(() => challenges.redeem({ token: text, solutions }, expected)).toThrow(ProtocolError);
      }),
    );
  });
});

describe('issuing', () => {
  it('stops when every bit of the window stands for an open challenge, and goes on when they expire', () => {
    let nowMs = startMs;
    const windowNumbers = replayBlockNumbers;
    const challenges = startChallenges({ masterKey, price: freePrice, now: () => nowMs, windowNumbers });
    const first = challenges.issue({ purpose: 'query', accountId });
    for (let i = 1; i < windowNumbers; i += 1) challenges.issue({ purpose: 'query', accountId });
    expect(protocolCodeOf(() => challenges.issue({ purpose: 'query', accountId }))).toBe('rate-limited');
    nowMs += 120_000;
    const next = challenges.issue({ purpose: 'query', accountId });
    expect(protocolCodeOf(() => challenges.redeem({ token: next.token, solutions: '' }, expected))).toBe('none');
    nowMs = startMs;
    expect(protocolCodeOf(() => challenges.redeem({ token: first.token, solutions: '' }, expected))).toBe(
      'challenge-expired',
    );
  });

  it('gives a different token each time', () => {
    const challenges = start();
    const tokens = Array.from({ length: 100 }, () => challenges.issue({ purpose: 'upload', accountId }).token);
    expect(new Set(tokens).size).toBe(100);
  });
});
