// What challenges cost when nobody is waiting (docs/proof-of-work.md, "Prices").
import { describe, expect, it } from 'vitest';
import { floorPrices, freePrices, priceOf } from '../../src/daemon/prices.js';
import { purposes } from '../../src/protocol/messages.js';
import { expectedAttempts } from '../../src/protocol/proof-of-work.js';

describe('prices', () => {
  it('have a floor of 8 attempts, and of 512 for a registration', () => {
    const attempts = purposes.map((purpose) => {
      const { puzzles, effort256 } = floorPrices()(purpose, 0);
      return [purpose, puzzles, expectedAttempts(puzzles, effort256)];
    });
    expect(attempts).toEqual([
      ['register', 16, 512],
      ['login', 8, 8],
      ['upload', 16, 8],
      ['query', 16, 8],
    ]);
  });

  it('are free where admission is free', () => {
    for (const purpose of purposes) expect(freePrices()(purpose, 0)).toEqual({ puzzles: 0, effort256: 256 });
  });

  it('follow the attempts in small steps and stay within the filter', () => {
    expect(priceOf('upload', 8.03125).effort256).toBe(257);
    expect(priceOf('upload', 1).effort256).toBe(256);
    expect(priceOf('upload', 1e12).effort256).toBe(2 ** 32 - 1);
  });
});
