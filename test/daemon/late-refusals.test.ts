import { expect, it } from 'vitest';
import { LateRefusals, lateMsMax, lateMsMin } from '../../src/daemon/late-refusals.js';

it('answers some worthless proofs at once and the rest of a flood late, until it is over', () => {
  const late = new LateRefusals();
  const delays = Array.from({ length: 200 }, (_, i) => late.delayMs('challenge-spent', 1000 + i));
  expect(delays.filter((delay) => delay === 0).length).toBeLessThan(70);
  expect(delays.at(-1)).toBeGreaterThanOrEqual(lateMsMin);
  expect(delays.at(-1)).toBeLessThanOrEqual(lateMsMax);
  expect(late.delayMs('challenge-spent', 5000)).toBe(0);
});

it('never keeps anybody waiting for another refusal', () => {
  const late = new LateRefusals();
  const delays = Array.from({ length: 200 }, () => late.delayMs('unauthenticated', 1000));
  expect(Math.max(...delays)).toBe(0);
});
