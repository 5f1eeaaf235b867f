// How many standard grants a second the daemon can serve (docs/proof-of-work.md, "Capacity"): measured, not configured. A
// pure function from state and sample to state, which the simulation runs too.

export interface CapacitySample {
  /** Length of the period. */
  readonly seconds: number;
  /** Seconds in which paid work kept the event loop busy. */
  readonly loopSeconds: number;
  /** Seconds in which at least one write of paid work was under way. */
  readonly diskSeconds: number;
  /** Mean number of such writes under way. */
  readonly diskQueue: number;
  /** 99th percentile of the event loop's delay. */
  readonly loopDelayMs: number;
  /** Standard grants given in the period. */
  readonly admitted: number;
}

export interface CapacityState {
  /** Service seconds and grants, both forgotten at the same pace. */
  readonly busySeconds: number;
  readonly grants: number;
  /** Smoothed share of the time in which the scarcer of loop and disk was busy with paid work. */
  readonly use: number;
  /** 1 where loop and disk keep up, less where they fall behind; smoothed for the price, and less so for the queue. */
  readonly health: number;
  readonly brake: number;
  /** Standard grants for each second. */
  readonly perSecond: number;
}

/** What a grant is taken to cost before any was measured, and how much that guess weighs. */
const guessSeconds = 0.025;
const guessGrants = 20;
const forgetHalfLifeS = 20;
/** Less than this many grants say nothing about their cost. */
const grantsMin = 1;
const useHalfLifeS = 2;
/** The loop answers late beyond this. Only paid work counts here, else a free flood could make admission dearer. */
const loopDelayMaxMs = 50;
/** Part of the time from which paid work is what keeps the loop busy. */
const loopShareMin = 0.5;
/** A store that is used as far as it may be has queues of this length now and then. */
const diskQueueMax = 8;
const healthMin = 0.1;
const brakeHalfLifeS = 1;
/** One bad second slows the queue and does not move the price, which would take a minute to come down again. */
const healthHalfLifeS = 20;
const perSecondMin = 4;
const perSecondMax = 1000;
/** Part of the capacity that is given out, so that what was admitted does not queue in the store. */
const paceShare = 0.9;
const burstS = 0.5;
const burstMin = 16;

export const unmeasuredCapacity: CapacityState = {
  busySeconds: guessSeconds * guessGrants,
  grants: guessGrants,
  use: 0,
  health: 1,
  brake: 1,
  perSecond: 1 / guessSeconds,
};

/** Grants over the time that they keep the daemon busy. That is the capacity whether much or little of it is used: an idle
 * second is not counted, and where the disk does several writes at once, more load shows more capacity. */
export function nextCapacity(state: CapacityState, sample: CapacitySample): CapacityState {
  const { seconds, loopSeconds, diskSeconds, admitted } = sample;
  const busy = Math.min(seconds, Math.max(loopSeconds, diskSeconds));
  const keep = 2 ** (-seconds / forgetHalfLifeS);
  let busySeconds = state.busySeconds * keep + busy;
  let grants = state.grants * keep + admitted;
  if (grants < grantsMin) {
    // Nobody asks for anything: what was measured last stays true.
    busySeconds = state.busySeconds * (grantsMin / state.grants);
    grants = grantsMin;
  }
  const use = follow(state.use, busy / seconds, seconds / useHalfLifeS);
  const health = follow(state.health, healthOf(sample), seconds / healthHalfLifeS);
  const brake = follow(state.brake, healthOf(sample), seconds / brakeHalfLifeS);
  const measured = (grants / Math.max(busySeconds, 1e-6)) * health;
  const perSecond = Math.min(Math.max(measured, perSecondMin), perSecondMax);
  return { busySeconds, grants, use, health, brake, perSecond };
}

/** How fast the queue is served: credit for so many grants each second, of which so many can be saved up. */
export function paceOf({ perSecond, brake }: CapacityState): { readonly perSecond: number; readonly burst: number } {
  return { perSecond: paceShare * perSecond * brake, burst: Math.max(burstMin, burstS * perSecond) };
}

function healthOf({ seconds, loopSeconds, loopDelayMs, diskQueue }: CapacitySample): number {
  const isLoopPaid = loopSeconds / seconds >= loopShareMin;
  const loop = isLoopPaid && loopDelayMs > loopDelayMaxMs ? loopDelayMaxMs / loopDelayMs : 1;
  const disk = diskQueue > diskQueueMax ? diskQueueMax / diskQueue : 1;
  return Math.max(healthMin, Math.min(loop, disk));
}

function follow(before: number, now: number, halfLives: number): number {
  return before + (1 - 2 ** -halfLives) * (now - before);
}
