// The congestion price (docs/proof-of-work.md, "The controller").
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  idlePrices,
  nextPrices,
  type PriceSample,
  type PriceState,
  paidWork,
  referenceAttemptsPerSecond,
} from '../../../src/daemon/admission/price-controller.js';
import { factorMax, priceRanges, type Tier } from '../../../src/daemon/admission/prices.js';

const capacity = 40;
/** What is asked for at the most, so that queues stay short. */
const targetUse = 0.8;
const nothing = { work: 0, admitted: 0 };

function sampleOf(parts: Partial<PriceSample>): PriceSample {
  return { seconds: 1, capacity, established: nothing, new: nothing, ...parts };
}

function stateOf(tier: Tier, parts: Partial<PriceState[Tier]>): PriceState {
  return { ...idlePrices, [tier]: { ...idlePrices[tier], ...parts } };
}

function after(seconds: number, sample: PriceSample, state = idlePrices): PriceState {
  let prices = state;
  for (let i = 0; i < seconds; i += 1) prices = nextPrices(prices, sample);
  return prices;
}

const tierSample = fc.record({ work: fc.double({ min: 0, max: 1e6, noNaN: true }), admitted: fc.nat(2000) });
const anySample = fc.record({
  seconds: fc.double({ min: 0.1, max: 10, noNaN: true }),
  capacity: fc.double({ min: 4, max: 1000, noNaN: true }),
  established: tierSample,
  new: tierSample,
});

describe('paidWork', () => {
  it('counts what was paid up to the price, and nothing beyond it', () => {
    expect(paidWork(1, 2.9, 3)).toBe(2.9);
    expect(paidWork(1, 3, 3)).toBe(3);
    expect(paidWork(1, 3.1, 3)).toBe(3);
    expect(paidWork(1, 1e9, 3)).toBe(3);
  });

  it('counts every standard grant of a request', () => {
    expect(paidWork(5, 2, 3)).toBe(10);
  });
});

describe('nextPrices', () => {
  it('stays at the floor for ever where no work is paid, whatever is admitted', () => {
    fc.assert(
      fc.property(fc.array(anySample, { maxLength: 50 }), (samples) => {
        let prices = idlePrices;
        for (const sample of samples) {
          const free = { established: { ...sample.established, work: 0 }, new: { ...sample.new, work: 0 } };
          prices = nextPrices(prices, { ...sample, ...free });
          expect(prices.established.factor).toBe(1);
          expect(prices.new.factor).toBe(1);
        }
      }),
    );
  });

  it('stays at the floor up to four fifths of the capacity, and no further', () => {
    const limit = targetUse * capacity;
    expect(after(100, sampleOf({ new: { work: limit - 0.1, admitted: 0 } })).new.factor).toBe(1);
    expect(after(100, sampleOf({ new: { work: limit + 0.1, admitted: 0 } })).new.factor).toBeGreaterThan(1);
  });

  it('is between floor and cap after any samples', () => {
    fc.assert(
      fc.property(fc.array(anySample, { maxLength: 50 }), (samples) => {
        for (const { established, new: young } of [samples.reduce(nextPrices, idlePrices)]) {
          for (const { factor, work } of [established, young]) {
            expect(factor).toBeGreaterThanOrEqual(1);
            expect(factor).toBeLessThanOrEqual(factorMax);
            expect(Number.isFinite(work)).toBe(true);
          }
        }
      }),
    );
  });

  it('becomes at most four times as dear in a second', () => {
    const flood = sampleOf({ new: { work: 1e6, admitted: 0 } });
    expect([1, 2, 3, 4].map((seconds) => after(seconds, flood).new.factor)).toEqual([4, 16, factorMax, factorMax]);
  });

  it('finds the price that clears a constant flood of work, within eight seconds and without overshoot', () => {
    const sample = sampleOf({ new: { work: 320, admitted: 0 } });
    const path = Array.from({ length: 300 }, (_, second) => after(second + 1, sample).new.factor);
    expect(path[7]).toBeGreaterThan(7);
    expect(path.at(-1)).toBeCloseTo(10, 3);
    expect(Math.max(...path)).toBeLessThan(10.001);
  });

  it('takes a rise by half at once and a smaller one as chance', () => {
    const state = stateOf('new', { work: 100 });
    const step = (work: number) => nextPrices(state, sampleOf({ new: { work, admitted: 0 } })).new.work;
    expect(step(151)).toBeCloseTo(100 + 0.6 * 51, 9);
    expect(step(150)).toBeCloseTo(100 + (1 - 2 ** (-1 / 3)) * 50, 9);
  });

  it('does not become dearer by chance: noise around a mean stands at the mean', () => {
    let prices = idlePrices;
    const factors: number[] = [];
    for (let second = 0; second < 2000; second += 1) {
      const work = 320 * (second % 2 === 0 ? 0.8 : 1.2);
      prices = nextPrices(prices, sampleOf({ new: { work, admitted: 0 } }));
      if (second >= 100) factors.push(prices.new.factor);
    }
    const mean = factors.reduce((sum, factor) => sum + factor, 0) / factors.length;
    expect(mean).toBeGreaterThan(9.5);
    expect(mean).toBeLessThan(10.5);
  });

  it('falls by half in 15 seconds at most, and in 3 at least', () => {
    const ratio = (tier: Tier, factor: number) =>
      nextPrices(stateOf(tier, { factor }), sampleOf({}))[tier].factor / factor;
    expect(ratio('new', factorMax)).toBeCloseTo(2 ** (-1 / 15), 9);
    expect(ratio('new', 8)).toBeCloseTo(2 ** (-1 / 15), 9);
    // Four times what a puzzle of 6 * 64 attempts takes.
    expect(ratio('new', 6)).toBeCloseTo(2 ** (-referenceAttemptsPerSecond / (4 * 6 * 64)), 9);
    expect(ratio('established', 2)).toBeCloseTo(2 ** (-1 / 3), 9);
  });

  it('never falls below what the work that still comes asks for', () => {
    const state = stateOf('established', { factor: 2, work: 60 });
    const { factor, work } = nextPrices(state, sampleOf({ established: { work: 60, admitted: 0 } })).established;
    expect(work).toBe(60);
    expect(factor).toBeCloseTo(60 / (targetUse * capacity), 9);
  });

  it('remembers work for as long as it takes to solve a dearer puzzle', () => {
    const workAfter = (tier: Tier, factor: number) =>
      nextPrices(stateOf(tier, { factor, work: 100 }), sampleOf({}))[tier].work;
    expect(workAfter('established', 1)).toBeCloseTo(100 * 2 ** (-1 / 3), 9);
    const solveS = (priceRanges.upload.new.base * 20) / referenceAttemptsPerSecond;
    expect(workAfter('new', 20)).toBeCloseTo(100 * 2 ** (-1 / (1.5 * solveS)), 9);
  });

  it('goes by rates: a longer period with as much more work is the same work', () => {
    const short = nextPrices(idlePrices, sampleOf({ new: { work: 50, admitted: 0 } }));
    const long = nextPrices(idlePrices, sampleOf({ seconds: 2, new: { work: 100, admitted: 0 } }));
    expect(long.new.work).toBeCloseTo(short.new.work, 9);
  });
});

describe('the shares of the tiers', () => {
  const settled = (tier: Tier, work: number, othersAdmitted: number) => {
    const other = tier === 'new' ? 'established' : 'new';
    return after(400, sampleOf({ [tier]: { work, admitted: 0 }, [other]: { work: 0, admitted: othersAdmitted } }))[tier]
      .factor;
  };

  it('give a tier all that the other one does not use', () => {
    expect(settled('new', 320, 0)).toBeCloseTo(320 / (targetUse * capacity), 3);
    expect(settled('new', 320, 10)).toBeCloseTo(320 / (targetUse * (capacity - 10)), 3);
  });

  it('leave each its share, however much the other one takes', () => {
    expect(settled('new', 320, 28)).toBeCloseTo(320 / (targetUse * 0.3 * capacity), 3);
    expect(settled('new', 320, 40)).toBeCloseTo(320 / (targetUse * 0.3 * capacity), 3);
    expect(settled('established', 320, 12)).toBeCloseTo(320 / (targetUse * 0.7 * capacity), 3);
    expect(settled('established', 320, 40)).toBeCloseTo(320 / (targetUse * 0.7 * capacity), 3);
  });

  it('follow what the other one was given by half in two seconds', () => {
    const { admitted } = after(2, sampleOf({ established: { work: 0, admitted: 20 } })).established;
    expect(admitted).toBeCloseTo(10, 9);
  });

  it('keep the work of one tier out of the price of the other', () => {
    const { established, new: young } = after(100, sampleOf({ new: { work: 1e6, admitted: 0 } }));
    expect(young.factor).toBe(factorMax);
    expect(established.factor).toBe(1);
  });
});
