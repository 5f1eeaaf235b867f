// Which sub-solutions are checked in full (docs/proof-of-work.md, "Checking").
import { describe, expect, it } from 'vitest';
import { sampleSolutions } from '../../src/daemon/check-work.js';
import { encodeSolutions } from '../../src/protocol/proof-of-work.js';

describe('the sample', () => {
  const solutions = Array.from({ length: 16 }, (_, attempt) => ({ attempt, indices: new Uint16Array(8) }));
  const proof = { token: 'any', solutions: encodeSolutions(solutions) };
  const placesUnder = (key: number, count = 16): number[] =>
    sampleSolutions(solutions.slice(0, count), Uint8Array.of(key >> 8, key & 255), proof).map(({ attempt }) => attempt);

  it('looks at each of sixteen solutions one time in four, at four different ones each time', () => {
    // So fifteen true ones of sixteen pass three times in four: a sixteenth of the work saved, a quarter of it lost.
    const looks = new Uint32Array(16);
    for (let key = 0; key < 4000; key += 1) {
      const places = placesUnder(key);
      expect(new Set(places).size).toBe(4);
      for (const place of places) looks[place] = (looks[place] ?? 0) + 1;
    }
    // A mean of 1,000 with a deviation of 27, and the keys are fixed.
    for (const count of looks) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  it('depends on a key that only the daemon has, and on nothing else that changes', () => {
    expect(placesUnder(1)).toEqual(placesUnder(1));
    expect(new Set(Array.from({ length: 50 }, (_, key) => String(placesUnder(key)))).size).toBeGreaterThan(40);
  });

  it('is everything where there are four or fewer', () => {
    for (const count of [0, 1, 4]) expect(new Set(placesUnder(7, count)).size).toBe(count);
  });
});
