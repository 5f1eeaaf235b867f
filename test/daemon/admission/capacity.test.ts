// How much the daemon can serve (docs/proof-of-work.md, "Capacity").
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CapacitySample,
  type CapacityState,
  nextCapacity,
  paceOf,
  unmeasuredCapacity,
} from '../../../src/daemon/admission/capacity.js';

const idle: CapacitySample = {
  seconds: 1,
  loopSeconds: 0,
  diskSeconds: 0,
  diskQueue: 0,
  loopDelayMs: 0,
  admitted: 0,
};

function after(seconds: number, parts: Partial<CapacitySample>, state: CapacityState = unmeasuredCapacity) {
  let capacity = state;
  for (let i = 0; i < seconds; i += 1) capacity = nextCapacity(capacity, { ...idle, ...parts });
  return capacity;
}

describe('nextCapacity', () => {
  it('begins with a guess and keeps it while nobody asks for anything', () => {
    expect(unmeasuredCapacity.perSecond).toBe(40);
    expect(after(10_000, {}).perSecond).toBeCloseTo(40, 6);
  });

  it('measures grants over busy time', () => {
    expect(after(400, { admitted: 10, diskSeconds: 0.5 }).perSecond).toBeCloseTo(20, 2);
    expect(after(400, { admitted: 30, diskSeconds: 0.3 }).perSecond).toBeCloseTo(100, 2);
  });

  it('is the same for a little load as for much', () => {
    const little = after(400, { admitted: 2, diskSeconds: 0.05 });
    const much = after(400, { admitted: 36, diskSeconds: 0.9 });
    expect(little.perSecond).toBeCloseTo(40, 6);
    expect(much.perSecond).toBeCloseTo(40, 6);
    expect(little.use).toBeCloseTo(0.05, 6);
    expect(much.use).toBeCloseTo(0.9, 6);
  });

  it('keeps what was measured last when the load is gone', () => {
    const measured = after(400, { admitted: 10, diskSeconds: 0.5 });
    expect(after(10_000, {}, measured).perSecond).toBeCloseTo(measured.perSecond, 6);
  });

  it('forgets by half in 20 seconds', () => {
    const { grants } = after(20, {}, { ...unmeasuredCapacity, grants: 80, busySeconds: 2 });
    expect(grants).toBeCloseTo(40, 6);
  });

  it('goes by the scarcer of loop and disk, and by no more than the period', () => {
    expect(after(400, { admitted: 10, diskSeconds: 0.2, loopSeconds: 0.5 }).perSecond).toBeCloseTo(20, 2);
    expect(after(400, { admitted: 10, diskSeconds: 0.5, loopSeconds: 0.2 }).perSecond).toBeCloseTo(20, 2);
    expect(after(400, { admitted: 10, diskSeconds: 7 }).perSecond).toBeCloseTo(10, 2);
  });

  it('lies between 4 and 1,000 whatever is measured', () => {
    expect(after(400, { admitted: 1, diskSeconds: 1 }).perSecond).toBe(4);
    expect(after(400, { admitted: 5, diskSeconds: 1 }).perSecond).toBeCloseTo(5, 2);
    expect(after(400, { admitted: 999, diskSeconds: 1 }).perSecond).toBeCloseTo(999, 0);
    expect(after(400, { admitted: 1100, diskSeconds: 1 }).perSecond).toBe(1000);
    const seconds = fc.double({ min: 0, max: 10, noNaN: true });
    const sample = fc.record({
      seconds: fc.double({ min: 0.1, max: 10, noNaN: true }),
      loopSeconds: seconds,
      diskSeconds: seconds,
      diskQueue: fc.nat(1000),
      loopDelayMs: fc.nat(10_000),
      admitted: fc.nat(5000),
    });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 30 }), (samples) => {
        const { perSecond, brake, health } = samples.reduce(nextCapacity, unmeasuredCapacity);
        expect(perSecond).toBeGreaterThanOrEqual(4);
        expect(perSecond).toBeLessThanOrEqual(1000);
        for (const part of [brake, health]) {
          expect(part).toBeGreaterThanOrEqual(0.1);
          expect(part).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

describe('a daemon that falls behind', () => {
  const busy = { admitted: 20, diskSeconds: 0.5 };

  it('is one with more than 8 writes under way', () => {
    expect(after(100, { ...busy, diskQueue: 8 }).brake).toBe(1);
    expect(after(100, { ...busy, diskQueue: 9 }).brake).toBeCloseTo(8 / 9, 6);
  });

  it('is one whose loop answers later than 50 ms for paid work', () => {
    const paid = { ...busy, loopSeconds: 0.5 };
    expect(after(100, { ...paid, loopDelayMs: 50 }).brake).toBe(1);
    expect(after(100, { ...paid, loopDelayMs: 51 }).brake).toBeCloseTo(50 / 51, 6);
  });

  it('is none whose loop is late for anything else: a free flood makes nothing dearer', () => {
    const flooded = after(100, { ...busy, loopSeconds: 0.49, loopDelayMs: 5000 });
    expect(flooded.brake).toBe(1);
    expect(flooded.perSecond).toBeCloseTo(40, 6);
  });

  it('gives out less within a second, and takes the price with it in 20', () => {
    const once = after(1, { ...busy, diskQueue: 16 });
    expect(once.brake).toBeCloseTo(0.75, 9);
    expect(once.health).toBeCloseTo(1 - 0.5 * (1 - 2 ** (-1 / 20)), 9);
    expect(once.perSecond).toBeGreaterThan(39);
    expect(after(20, { ...busy, diskQueue: 16 }).perSecond).toBeCloseTo(30, 6);
  });

  it('still gives out a tenth', () => {
    expect(after(1000, { ...busy, diskQueue: 1e6 }).brake).toBeCloseTo(0.1, 9);
  });
});

describe('paceOf', () => {
  const pace = (perSecond: number, brake = 1) => paceOf({ ...unmeasuredCapacity, perSecond, brake });

  it('gives out nine tenths of the capacity, less where the brake is on', () => {
    expect(pace(40).perSecond).toBeCloseTo(36, 9);
    expect(pace(40, 0.5).perSecond).toBeCloseTo(18, 9);
  });

  it('lets half a second be saved up, and 16 grants at least', () => {
    expect(pace(4).burst).toBe(16);
    expect(pace(32).burst).toBe(16);
    expect(pace(34).burst).toBe(17);
  });
});
