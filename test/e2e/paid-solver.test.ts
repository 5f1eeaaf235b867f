// How a client pays: the price first, more work where others bid more, an end at the user's limit (docs/proof-of-work.md,
// "Solving"). With real threads, which need the built files, and the daemon's own challenges.
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { PaidSolver as PaidSolverClass, SolverSettings } from '../../src/client/paid-solver.js';
import { ProtocolError } from '../../src/protocol/errors.js';
import type { CreateChallengeRequest, Proof } from '../../src/protocol/messages.js';
import { decodeSolutions } from '../../src/protocol/proof-of-work.js';
import { startChallenges, type TestPrice } from '../helpers/challenges.js';

const accountId = '00112233445566778899aabbccddeeff';
const expected = { purposes: ['upload'], accountId } as const;
const request: CreateChallengeRequest = { purpose: 'upload' };
const cheap: TestPrice = { puzzles: 16, effort256: 256 };
const endless: TestPrice = { puzzles: 64, effort256: 2 ** 32 - 1 };

const dist = new URL('../../dist/', import.meta.url);
const { PaidSolver } = (await import(new URL('client/paid-solver.js', dist).href)) as {
  PaidSolver: typeof PaidSolverClass;
};
// The client of dist/ knows the errors of dist/ alone.
const built = (await import(new URL('protocol/errors.js', dist).href)) as { ProtocolError: typeof ProtocolError };

function start(price: TestPrice, settings: Partial<SolverSettings> = {}) {
  const challenges = startChallenges({ price });
  const lines: string[] = [];
  const solver = new PaidSolver({
    secondsMax: 60,
    onPrice: (line) => lines.push(line),
    signal: undefined,
    ...settings,
  });
  let issued = 0;
  const api = {
    nowMs: () => Date.now(),
    createChallenge: () => {
      issued += 1;
      return Promise.resolve(challenges.issue({ purpose: 'upload', accountId }));
    },
  };
  const seen: { proof: Proof; ticket: string | undefined; records: number }[] = [];
  /** Redeems at the daemon's challenges, which turn the first `refusals` of them away for a second. */
  const pay = (refusals: number, delayS = 1) =>
    solver.pay(api as never, request, (proof, ticket) => {
      seen.push({ proof, ticket, records: decodeSolutions(proof.solutions).length });
      try {
        challenges.whole.turnAway(ticket);
        const open = challenges.whole.open(proof, expected);
        if (seen.length <= refusals) throw challenges.whole.delay(open, delayS);
        challenges.whole.check(open);
        return Promise.resolve(challenges.whole.claim(open).purpose);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        const { code, message, retry } = error;
        throw new built.ProtocolError(code, message, retry === undefined ? {} : { retry });
      }
    });
  return { solver, pay, lines, seen, issued: () => issued, challenges };
}

describe('the paid solver', () => {
  it('pays once where nobody bids more, and says nothing of a small price', async () => {
    const { solver, pay, lines, seen } = start(cheap);
    expect(await pay(0)).toBe('upload');
    expect(seen).toMatchObject([{ ticket: undefined, records: 16 }]);
    expect(lines).toEqual([]);
    expect(solver.attempts).toBeGreaterThan(0);
    await solver.close();
  });

  it('bids more with the same challenge when it is not admitted, shows the ticket, and is not too early', async () => {
    const { solver, pay, lines, seen, issued } = start(cheap);
    expect(await pay(2)).toBe('upload');
    expect(issued()).toBe(1);
    expect(new Set(seen.map(({ proof }) => proof.token)).size).toBe(1);
    expect(seen).toHaveLength(3);
    expect(seen[0]?.records).toBe(16);
    expect(seen[1]?.records).toBeGreaterThan(16);
    expect(seen[2]?.records).toBeLessThanOrEqual(64);
    expect(seen.map(({ ticket }) => ticket === undefined)).toEqual([true, false, false]);
    expect(lines[0]).toMatch(/^the daemon is under load: it admits us no sooner than in \d s$/);
    await solver.close();
  });

  it('buys another challenge where the first one was spent by a lost answer', async () => {
    const { solver, pay, issued, challenges } = start(cheap);
    const claim = challenges.whole.claim.bind(challenges.whole);
    let isFirst = true;
    challenges.whole.claim = (open) => {
      const redeemed = claim(open);
      if (!isFirst) return redeemed;
      isFirst = false;
      // The daemon has it, and the client hears of it when it asks again.
      return claim(open);
    };
    expect(await pay(0)).toBe('upload');
    expect(issued()).toBe(2);
    await solver.close();
  });

  it('ends with a refusal and a hint where waiting would take more than the user allows', async () => {
    const { solver, pay, seen } = start(cheap, { secondsMax: 5 });
    const error: unknown = await pay(9, 20).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'refused', hint: expect.stringContaining('--pow-max') as string });
    expect((error as Error).message).toMatch(
      /^the daemon is under load: \d+ s of proof of work were not enough, and --pow-max is 5 s$/,
    );
    expect(seen).toHaveLength(1);
    await solver.close();
  });

  it('ends before it solves where the price is above the limit', async () => {
    const { solver, pay, seen } = start(endless);
    await expect(pay(0)).rejects.toMatchObject({
      code: 'refused',
      hint: expect.stringContaining('--pow-max') as string,
    });
    expect(seen).toEqual([]);
    expect(solver.attempts).toBe(0);
    await solver.close();
  });

  it('knows from a cheap challenge, which one thread solves, what a dear one takes on all of them', async () => {
    const prices = [{ puzzles: 16, effort256: 256 * 3 }, endless].map((price) => startChallenges({ price }));
    const issued = prices.map((challenges) => challenges.issue({ purpose: 'upload', accountId }));
    const toIssue = [...issued];
    const api = { nowMs: () => Date.now(), createChallenge: () => Promise.resolve(toIssue.shift()) };
    const solver = new PaidSolver({ secondsMax: 60, onPrice: () => undefined, signal: undefined });
    const pay = () => solver.pay(api as never, request, () => Promise.resolve('upload'));
    expect(await pay()).toBe('upload');
    expect(solver.attempts).toBeGreaterThan(16);
    const attemptSeconds = solver.seconds / solver.attempts;
    const error: unknown = await pay().catch((cause: unknown) => cause);
    const [, told] = /about ([0-9.]+) s of proof of work/.exec((error as Error).message) ?? [];
    const threads = Math.min(4, availableParallelism());
    const expectedSeconds = ((issued[1]?.expectedAttempts ?? 0) * attemptSeconds) / threads;
    expect(Number(told) / expectedSeconds).toBeCloseTo(1, 3);
    await solver.close();
  });

  it('stops waiting when it is interrupted', async () => {
    const controller = new AbortController();
    const { solver, pay } = start({ puzzles: 64, effort256: 256 }, { signal: controller.signal });
    const paid = pay(9, 30);
    setTimeout(() => {
      controller.abort();
    }, 2000);
    await expect(paid).rejects.toMatchObject({ name: expect.stringMatching(/AbortError|ClientError/) as string });
    await solver.close();
  });

  it('tells a price of some seconds before it is paid', async () => {
    const { solver, pay, lines } = start({ puzzles: 16, effort256: 256 * 40 });
    expect(await pay(0)).toBe('upload');
    expect(lines[0]).toMatch(/^proof of work: about [0-9]+ s$/);
    await solver.close();
  });
});
