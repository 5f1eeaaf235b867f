// Counts in fixed memory that fade (docs/proof-of-work.md, "Surcharges").
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecayingSketch } from '../../../src/daemon/admission/decaying-sketch.js';

const halfLifeMs = 600_000;

describe('DecayingSketch', () => {
  it('counts what was added, for each key', () => {
    const sketch = new DecayingSketch(halfLifeMs, 0);
    sketch.add('10.0.0', 1, 0);
    sketch.add('10.0.0', 2, 0);
    expect(sketch.count('10.0.0', 0)).toBe(3);
    expect(sketch.count('10.0.1', 0)).toBe(0);
  });

  it('forgets half in a half-life', () => {
    const sketch = new DecayingSketch(halfLifeMs, 1000);
    sketch.add('a', 8, 1000);
    expect(sketch.count('a', 1000 + halfLifeMs / 2)).toBeCloseTo(8 / Math.SQRT2, 9);
    expect(sketch.count('a', 1000 + halfLifeMs)).toBeCloseTo(4, 9);
    sketch.add('a', 4, 1000 + halfLifeMs);
    expect(sketch.count('a', 1000 + 3 * halfLifeMs)).toBeCloseTo(2, 9);
  });

  it('goes on for months', () => {
    const sketch = new DecayingSketch(halfLifeMs, 0);
    for (let i = 0; i <= 10_000; i += 1) sketch.add('a', 1, i * halfLifeMs);
    expect(sketch.count('a', 10_000 * halfLifeMs)).toBeCloseTo(2, 9);
    sketch.add('b', 1, 1e6 * halfLifeMs);
    expect(sketch.count('b', 1e6 * halfLifeMs)).toBeCloseTo(1, 9);
    expect(sketch.count('a', 1e6 * halfLifeMs)).toBeCloseTo(0, 9);
  });

  it('never counts too little, and seldom too much', () => {
    const key = fc.string({ maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.nat(100)), { maxLength: 200 }), (added) => {
        const sketch = new DecayingSketch(halfLifeMs, 0);
        const exact = new Map<string, number>();
        for (const [name, amount] of added) {
          sketch.add(name, amount, 0);
          exact.set(name, (exact.get(name) ?? 0) + amount);
        }
        for (const [name, amount] of exact) expect(sketch.count(name, 0)).toBeGreaterThanOrEqual(amount);
      }),
      { numRuns: 30 },
    );
    const crowded = new DecayingSketch(halfLifeMs, 0);
    for (let i = 0; i < 1000; i += 1) crowded.add(`key-${String(i)}`, 1, 0);
    const wrong = Array.from({ length: 1000 }, (_, i) => crowded.count(`other-${String(i)}`, 0)).filter((n) => n > 0);
    expect(wrong.length).toBeLessThan(30);
  });
});
