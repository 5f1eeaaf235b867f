// The door at work: prices, the line, checks, refusals (docs/proof-of-work.md, "Admission"). With a clock that the test moves
// and proofs that are really solved.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AdaptiveAdmission } from '../../../src/daemon/admission/adaptive-admission.js';
import type { Application, TurnedAway } from '../../../src/daemon/admission/admission.js';
import { paceOf, unmeasuredCapacity } from '../../../src/daemon/admission/capacity.js';
import { createLocalReplay } from '../../../src/daemon/admission/replay-store.js';
import { type Challenges, createChallenges, type RedeemedChallenge } from '../../../src/daemon/challenges.js';
import { ProtocolError } from '../../../src/protocol/errors.js';
import type { CreateChallengeResponse, Proof } from '../../../src/protocol/messages.js';
import { encodeSolutions } from '../../../src/protocol/proof-of-work.js';
import { findSolutions } from '../../helpers/proof-of-work.js';

const startMs = 1_800_000_000_000;
const quiet = { seconds: 1, loopSeconds: 0, diskSeconds: 0, diskQueue: 0, loopDelayMs: 0 };
let nowMs = 0;
let challenges: Challenges;
let admission: AdaptiveAdmission;
let turnedAway: TurnedAway[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  nowMs = 0;
  turnedAway = [];
  challenges = createChallenges({
    masterKey: new Uint8Array(32),
    replay: createLocalReplay(),
    now: () => startMs + nowMs,
  });
  admission = new AdaptiveAdmission({
    challenges,
    clock: () => nowMs,
    events: { onTurnedAway: (reason) => turnedAway.push(reason) },
  });
});

afterEach(() => {
  admission.close();
  vi.useRealTimers();
});

function of(account: string, tier: 'established' | 'new' = 'established'): Application {
  return { purpose: 'upload', tier, account, network: undefined };
}

function proofOf(challenge: CreateChallengeResponse, count = challenge.puzzles): Proof {
  return { token: challenge.token, solutions: encodeSolutions(findSolutions(challenge, count)) };
}

/** Sends a proof and notes how it ends. */
function submit(proof: Proof, application: Application) {
  const state: { redeemed?: RedeemedChallenge; error?: ProtocolError } = {};
  const done = admission.admit(proof, application).then(
    (redeemed) => {
      state.redeemed = redeemed;
    },
    (error: unknown) => {
      if (!(error instanceof ProtocolError)) throw error;
      state.error = error;
    },
  );
  return { state, done };
}

async function pass(ms: number): Promise<void> {
  nowMs += ms;
  await vi.advanceTimersByTimeAsync(ms);
}

/** A proof of a challenge that costs nothing and asks for `units` grants in one. */
function filler(name: string, units: number, tier: 'established' | 'new' = 'established') {
  const price = { puzzles: 0, effort256: 256, floorAttempts: 1 };
  const { token } = challenges.issue({ purpose: 'upload', tier, price, units, accountId: name });
  return submit({ token, solutions: '' }, of(name, tier));
}

/** Uses up what may be given at once: whoever comes next has to wait. */
async function exhaust(): Promise<void> {
  const { burst } = paceOf(unmeasuredCapacity);
  await Promise.all([filler('greedy', 16).done, filler('hungry', burst - 16).done]);
}

describe('admission without a crowd', () => {
  it('lets a right proof in at once, at the floor price of the tier', async () => {
    for (const [tier, attempts] of [
      ['established', 8],
      ['new', 64],
    ] as const) {
      const challenge = admission.issue(of('anna', tier), 1);
      expect(challenge).toMatchObject({ tier, expectedAttempts: attempts });
      const redeemed = await admission.admit(proofOf(challenge), of('anna', tier));
      expect(redeemed).toMatchObject({ purpose: 'upload', tier });
    }
  });

  it('refuses the second use, another account and a proof that is too short', async () => {
    const proof = proofOf(admission.issue(of('anna'), 1));
    await admission.admit(proof, of('anna'));
    await expect(admission.admit(proof, of('anna'))).rejects.toHaveProperty('code', 'challenge-spent');
    const other = proofOf(admission.issue(of('anna'), 1));
    await expect(admission.admit(other, of('bert'))).rejects.toHaveProperty('code', 'challenge-invalid');
    const short = admission.issue(of('anna'), 1);
    await expect(admission.admit(proofOf(short, 15), of('anna'))).rejects.toHaveProperty('code', 'proof-insufficient');
    await expect(admission.admit(proofOf(short), of('anna'))).rejects.toHaveProperty('code', 'challenge-spent');
    expect(turnedAway).toEqual(['challenge', 'challenge', 'proof', 'challenge']);
  });
});

describe('free requests', () => {
  it('never move the price: challenges, wrong proofs, replays, the same bid again and again', async () => {
    const challenge = admission.issue(of('anna'), 1);
    const proof = proofOf(challenge);
    await admission.admit(proof, of('anna'));
    for (let second = 0; second < 5; second += 1) {
      for (let i = 0; i < 200; i += 1) {
        admission.issue(of('anna', 'new'), 16);
        await admission.admit(proof, of('anna')).catch(() => undefined);
        const account = `cheat ${String(second)} ${String(i)}`;
        const { token } = admission.issue(of(account), 1);
        await admission.admit({ token, solutions: proof.solutions }, of(account)).catch(() => undefined);
      }
      admission.tick(quiet);
      expect([admission.prices.established.factor, admission.prices.new.factor]).toEqual([1, 1]);
      await pass(1000);
    }
    expect(turnedAway.filter((reason) => reason === 'proof')).toHaveLength(1000);
  });

  it('of an account with three wrong proofs are not heard for an hour', async () => {
    for (let i = 0; i < 3; i += 1) {
      const { token } = admission.issue(of('anna'), 1);
      await expect(admission.admit({ token, solutions: '' }, of('anna'))).rejects.toHaveProperty(
        'code',
        'proof-insufficient',
      );
      expect(admission.hasStrike('anna')).toBe(true);
    }
    const right = admission.issue(of('anna'), 1);
    expect(right.expectedAttempts).toBe(500);
    const proof = { token: right.token, solutions: '' };
    await expect(admission.admit(proof, of('anna'))).rejects.toHaveProperty('code', 'rate-limited');
    await expect(admission.admit(proofOf(admission.issue(of('bert'), 1)), of('bert'))).resolves.toBeDefined();
    await pass(60 * 60_000);
    await expect(admission.admit(proofOf(admission.issue(of('anna'), 1)), of('anna'))).resolves.toBeDefined();
  });
});

describe('the price', () => {
  it('rises with work that was paid, for this tier alone, and comes down when it ends', async () => {
    const proofs = ['a', 'b', 'c', 'd'].map((name) => ({ name, proof: proofOf(admission.issue(of(name), 4)) }));
    for (let i = 0; i < 60; i += 1) admission.tick({ ...quiet, loopSeconds: 1 });
    const bids = proofs.map(({ name, proof }) => submit(proof, of(name)));
    admission.tick(quiet);
    // Sixteen grants in a second, where four can be served.
    expect(admission.prices.established.factor).toBeGreaterThan(2);
    expect(admission.prices.new.factor).toBe(1);
    expect(admission.issue(of('eve'), 1).expectedAttempts).toBeGreaterThan(16);
    expect(admission.issue(of('eve', 'new'), 1).expectedAttempts).toBe(64);
    // The same proofs again are no more work.
    const before = admission.prices.established.factor;
    for (const { name, proof } of proofs) submit(proof, of(name));
    admission.tick(quiet);
    expect(admission.prices.established.factor).toBeLessThanOrEqual(before);
    for (let second = 0; second < 60; second += 1) {
      admission.tick(quiet);
      await pass(1000);
    }
    expect(admission.prices.established.factor).toBe(1);
    await Promise.all(bids.map((one) => one.done));
  });
});

describe('admission in a crowd', () => {
  it('lets the higher bid in first, and among equals the older challenge', async () => {
    nowMs = -1000;
    const first = proofOf(admission.issue(of('first'), 4));
    nowMs = 0;
    const later = proofOf(admission.issue(of('later'), 4));
    const generous = proofOf(admission.issue(of('generous'), 4), 40);
    await exhaust();
    const order: string[] = [];
    const bids = [
      submit(later, of('later')).done.then(() => order.push('later')),
      submit(first, of('first')).done.then(() => order.push('first')),
      submit(generous, of('generous')).done.then(() => order.push('generous')),
    ];
    expect(admission.waitingOf('established')).toBe(3);
    for (let i = 0; i < 50; i += 1) await pass(20);
    await Promise.all(bids);
    expect(order).toEqual(['generous', 'first', 'later']);
  });

  /** As slow as it is ever taken to be: four grants a second. */
  async function exhaustSlow(): Promise<void> {
    await exhaust();
    for (let i = 0; i < 60; i += 1) admission.tick({ ...quiet, loopSeconds: 1 });
    expect(admission.capacity.perSecond).toBe(4);
  }

  it('turns out who has waited ten seconds, with a ticket', async () => {
    await exhaustSlow();
    // Forty grants at nine tenths of four a second: the last of them would wait for eleven seconds.
    const all = [filler('a', 14), filler('b', 14), filler('c', 12, 'new')];
    for (let i = 0; i < 520; i += 1) await pass(20);
    await Promise.all(all.map((one) => one.done));
    const refused = all.flatMap(({ state }) => (state.error === undefined ? [] : [state.error]));
    expect(refused.map(({ code }) => code)).toEqual(['not-admitted']);
    expect(Date.parse(refused[0]?.retry?.notBefore ?? '')).toBeGreaterThan(startMs + 10_000);
    expect(turnedAway).toEqual(['wait']);
  });

  it('drops the lowest bid where more waits than ten seconds of work, and lets it come back later', async () => {
    const bids = ['a', 'b'].map((name) => ({ name, proof: proofOf(admission.issue(of(name), 14)) }));
    await exhaustSlow();
    const price = { puzzles: 0, effort256: 256, floorAttempts: 1 };
    const { token } = challenges.issue({ purpose: 'upload', tier: 'established', price, units: 1, accountId: 'low' });
    const proof = { token, solutions: '' };
    const low = submit(proof, of('low'));
    const high = bids.map((bid) => submit(bid.proof, of(bid.name)));
    await low.done;
    expect(low.state.error?.code).toBe('not-admitted');
    expect(turnedAway).toEqual(['bid']);
    const { ticket = '' } = low.state.error?.retry ?? {};
    expect(() => {
      admission.turnAway(ticket);
    }).toThrow(ProtocolError);
    await expect(admission.admit(proof, of('low'))).rejects.toHaveProperty('code', 'not-admitted');
    for (let i = 0; i < 1500; i += 1) await pass(20);
    admission.turnAway(ticket);
    await expect(admission.admit(proof, of('low'))).resolves.toMatchObject({ purpose: 'upload' });
    await Promise.all(high.map((one) => one.done));
    expect(high.map(({ state }) => state.redeemed?.purpose)).toEqual(['upload', 'upload']);
  });

  it('leaves the proof of a client that has gone alone, so that it can come again', async () => {
    const proof = proofOf(admission.issue(of('anna'), 16));
    await exhaust();
    let isGone = false;
    const { state, done } = submit(proof, { ...of('anna'), isGone: () => isGone });
    isGone = true;
    for (let i = 0; i < 100; i += 1) await pass(20);
    await done;
    expect(state.error).toBeDefined();
    expect(turnedAway).toEqual(['gone']);
    expect(admission.waitingOf('established')).toBe(0);
    await expect(admission.admit(proof, of('anna'))).resolves.toMatchObject({ purpose: 'upload' });
  });

  it('takes a higher bid for the same challenge in the place of the lower', async () => {
    await exhaust();
    const challenge = admission.issue(of('anna'), 16);
    const lower = submit(proofOf(challenge, 16), of('anna'));
    const higher = submit(proofOf(challenge, 32), of('anna'));
    const same = submit(proofOf(challenge, 32), of('anna'));
    const worse = submit(proofOf(challenge, 20), of('anna'));
    await Promise.all([lower.done, higher.done, worse.done]);
    expect(lower.state.error?.code).toBe('conflict');
    expect(higher.state.error?.code).toBe('conflict');
    expect(worse.state.error?.code).toBe('not-admitted');
    expect(admission.waitingOf('established')).toBe(1);
    for (let i = 0; i < 100; i += 1) await pass(20);
    await same.done;
    expect(same.state.redeemed?.purpose).toBe('upload');
  });
});
