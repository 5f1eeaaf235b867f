// What accounts have been given, and how often they failed (docs/proof-of-work.md, "Surcharges").
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccountLoads, deafMs, strikesMax } from '../../../src/daemon/admission/account-loads.js';

const minuteMs = 60_000;

function loaded(grants: number, nowMs = 0): AccountLoads {
  const loads = new AccountLoads();
  for (let i = 0; i < grants; i += 1) loads.granted('a', nowMs);
  return loads;
}

describe('the surcharge for many grants', () => {
  it('begins after the fourth, doubles with each, and ends at 64', () => {
    const of = (grants: number) => loaded(grants).surcharge('a', 2, 0);
    expect([0, 1, 4, 5, 6, 9, 10, 11, 1000].map(of)).toEqual([1, 1, 1, 2, 4, 32, 64, 64, 64]);
  });

  it('is nothing on an idle daemon, and grows with congestion up to a factor of two', () => {
    const of = (factor: number) => loaded(200).surcharge('a', factor, 0);
    expect(of(1)).toBe(1);
    expect(of(1.5)).toBeCloseTo(1.5 ** 6, 9);
    expect(of(2)).toBe(64);
    expect(of(2.1)).toBe(64);
    expect(of(62.5)).toBe(64);
  });

  it('leaks by one grant in 15 seconds', () => {
    const loads = loaded(6);
    expect(loads.surcharge('a', 2, 14_999)).toBeGreaterThan(2);
    expect(loads.surcharge('a', 2, 15_000)).toBe(2);
    expect(loads.surcharge('a', 2, 30_000)).toBe(1);
    loads.granted('a', 90_000);
    expect(loads.surcharge('a', 2, 90_000)).toBe(1);
  });

  it('is for the account alone', () => {
    expect(loaded(200).surcharge('b', 62.5, 0)).toBe(1);
  });

  it('does not come from a clock that goes back', () => {
    expect(loaded(5, 1000).surcharge('a', 2, 0)).toBe(2);
  });
});

describe('the handicap', () => {
  it('is the surcharge of the moment, and grows on to 4,096', () => {
    const of = (grants: number) => loaded(grants).handicap('a', 2, 0);
    expect([0, 4, 5, 10, 11, 16, 17].map(of)).toEqual([1, 1, 2, 64, 128, 4096, 4096]);
  });

  it('is nothing on an idle daemon, and does not count strikes', () => {
    const loads = loaded(200);
    expect(loads.handicap('a', 1, 0)).toBe(1);
    loads.strike('b', 0);
    expect(loads.handicap('b', 2, 0)).toBe(1);
  });

  it('is never less than what many grants add to the price', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.double({ min: 1, max: 70, noNaN: true }), fc.nat(600_000), (grants, factor, nowMs) => {
        const loads = loaded(grants);
        expect(loads.handicap('a', factor, nowMs)).toBeGreaterThanOrEqual(loads.surcharge('a', factor, nowMs));
      }),
    );
  });
});

describe('strikes', () => {
  it('make everything four times as dear, on an idle daemon too', () => {
    const loads = new AccountLoads();
    const surcharges = [1, 2, 3, 4].map((time) => {
      loads.strike('a', time);
      return loads.surcharge('a', 1, time);
    });
    expect(surcharges).toEqual([4, 16, 64, 64]);
  });

  it('are forgiven ten minutes after the last one', () => {
    const loads = new AccountLoads();
    loads.strike('a', 0);
    loads.strike('a', 5 * minuteMs);
    expect(loads.hasStrike('a', 15 * minuteMs - 1)).toBe(true);
    expect(loads.surcharge('a', 1, 15 * minuteMs - 1)).toBe(16);
    expect(loads.hasStrike('a', 15 * minuteMs)).toBe(false);
    expect(loads.surcharge('a', 1, 15 * minuteMs)).toBe(1);
    loads.strike('a', 15 * minuteMs);
    expect(loads.surcharge('a', 1, 15 * minuteMs)).toBe(4);
  });

  it('end with an hour of silence after the third', () => {
    const loads = new AccountLoads();
    for (let i = 0; i < strikesMax - 1; i += 1) loads.strike('a', 0);
    expect(loads.isDeafTo('a', 0)).toBe(false);
    loads.strike('a', 0);
    expect(loads.isDeafTo('a', deafMs - 1)).toBe(true);
    expect(loads.isDeafTo('a', deafMs)).toBe(false);
    expect(loads.hasStrike('a', deafMs)).toBe(false);
    expect(loads.isDeafTo('b', 0)).toBe(false);
  });
});

describe('memory', () => {
  it('holds 65,536 accounts at most, whoever comes', () => {
    const loads = new AccountLoads();
    for (let i = 0; i < 200_000; i += 1) {
      loads.strike(`flood-${String(i)}`, 0);
      if (loads.size > 65_536) throw new Error(`${String(loads.size)} accounts`);
    }
    expect(loads.hasStrike('flood-199999', 0)).toBe(true);
    expect(loads.hasStrike('flood-0', 0)).toBe(false);
  });

  it('counts an account once when it is heard of again', () => {
    const loads = new AccountLoads();
    for (let i = 0; i < 40_000; i += 1) loads.strike(String(i), 0);
    expect(loads.size).toBe(40_000);
    loads.strike('0', 0);
    expect(loads.size).toBe(40_000);
    expect(loads.surcharge('0', 1, 0)).toBe(16);
  });

  it('keeps who is heard of in time', () => {
    const loads = loaded(5);
    for (let i = 0; i < 200_000; i += 1) {
      loads.granted(`other-${String(i)}`, 0);
      if (i % 30_000 === 0) loads.granted('a', 0);
    }
    expect(loads.surcharge('a', 2, 0)).toBe(64);
  });
});
