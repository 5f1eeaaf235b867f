// What challenges cost (docs/proof-of-work.md, "Prices").
import { describe, expect, it } from 'vitest';
import { noPrice } from '../../../src/daemon/admission/admission.js';
import { priceOf, priceRanges } from '../../../src/daemon/admission/prices.js';
import { purposes, tiers } from '../../../src/protocol/messages.js';
import { expectedAttempts } from '../../../src/protocol/proof-of-work.js';

const idle = { purpose: 'upload', tier: 'established', units: 1, factor: 1, surcharge: 1 } as const;

function attemptsOf(request: Parameters<typeof priceOf>[0]): number {
  const { puzzles, effort256 } = priceOf(request);
  return expectedAttempts(puzzles, effort256);
}

describe('prices', () => {
  it('are those of the table where nobody waits', () => {
    const table = purposes.map((purpose) => tiers.map((tier) => attemptsOf({ ...idle, purpose, tier })));
    expect(table).toEqual([
      [32, 512],
      [8, 32],
      [8, 64],
      [8, 32],
    ]);
  });

  it('rise with congestion and surcharge up to the cap, and never fall below the base', () => {
    for (const purpose of purposes) {
      for (const tier of tiers) {
        const { base, cap } = priceRanges[purpose][tier];
        expect(attemptsOf({ ...idle, purpose, tier, factor: 2, surcharge: 1.5 })).toBeCloseTo(
          Math.min(3 * base, cap),
          1,
        );
        expect(attemptsOf({ ...idle, purpose, tier, factor: 1e6 })).toBeCloseTo(cap, 1);
        expect(attemptsOf({ ...idle, purpose, tier, factor: 0.1 })).toBe(base);
      }
    }
  });

  it('are proportional to the grants asked for in one, beyond the cap of a single one too', () => {
    expect(attemptsOf({ ...idle, units: 16 })).toBe(128);
    expect(attemptsOf({ ...idle, units: 16, factor: 1e6 })).toBeCloseTo(8000, 0);
  });

  it('say what a bid is measured against: units, base and surcharge, not congestion', () => {
    expect(priceOf({ ...idle, units: 3, factor: 5, surcharge: 2 }).floorAttempts).toBe(3 * 8 * 2);
  });

  it('are free where admission is free', () => {
    for (const purpose of purposes) expect(noPrice({ ...idle, purpose })).toMatchObject({ puzzles: 0, effort256: 256 });
  });

  it('follow the attempts in small steps', () => {
    expect(priceOf({ ...idle, factor: 1.004 }).effort256).toBe(257);
  });
});
