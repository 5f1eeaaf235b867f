import { expect, it } from 'vitest';
import { LateRefusals, lateMsMax } from '../../src/daemon/late-refusals.js';

it('answers as many worthless proofs at once as in a second, and then one after the other', () => {
  const late = new LateRefusals();
  const delays = Array.from({ length: 200 }, () => late.delayMs('challenge-spent', 10_000));
  expect(delays.slice(0, 51)).toEqual(Array<number>(51).fill(0));
  expect(delays.slice(51, 54)).toEqual([20, 40, 60]);
  expect(delays.at(-1)).toBe(149 * 20);
  expect(late.delayMs('challenge-spent', 12_000)).toBe(1000);
  expect(late.delayMs('challenge-spent', 14_500)).toBe(0);
});

it('has a line of twenty seconds at most, and more than enough room for every connection', () => {
  const late = new LateRefusals();
  const delays = Array.from({ length: 5000 }, () => late.delayMs('proof-insufficient', 10_000));
  expect(Math.max(...delays)).toBe(lateMsMax);
  expect(delays.filter((delay) => delay < lateMsMax).length).toBeGreaterThan(1024);
  expect(late.delayMs('proof-insufficient', 31_500)).toBe(0);
});

it('does not keep those waiting who come when too many wait', async () => {
  const late = new LateRefusals();
  const answered = { count: 0 };
  for (let i = 0; i < 2048 + 51 + 10; i += 1) {
    void late.wait('challenge-invalid').then(() => {
      answered.count += 1;
    });
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect(answered.count).toBeGreaterThanOrEqual(61);
  expect(answered.count).toBeLessThan(80);
});

it('never keeps anybody waiting for another refusal', () => {
  const late = new LateRefusals();
  const delays = Array.from({ length: 200 }, () => late.delayMs('unauthenticated', 1000));
  expect(Math.max(...delays)).toBe(0);
});
