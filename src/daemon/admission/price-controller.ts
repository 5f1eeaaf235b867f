// The congestion price (docs/proof-of-work.md, "The controller"): a pure function from state and sample to state. The
// daemon and the simulation run this very module. Nothing enters a sample but work that was really paid.
import { factorMax, priceRanges, type Tier, tiers } from './prices.js';

/** Reserved shares of the capacity; what one tier leaves unused, the other may use. */
export const tierShares: Readonly<Record<Tier, number>> = { established: 0.7, new: 0.3 };

/** Demand is held at this part of the capacity, so that queues stay short. */
const targetUse = 0.8;
/** Weight of the newest second when so much more work comes than before. Less is chance, which must not add up. */
const riseWeight = 0.6;
const riseFrom = 1.5;
/** At most so much dearer in one second. */
const riseMax = 4;
/** The price halves in this at most, and in four times what it takes to solve, but not quicker than the least. */
const fallHalfLifeMaxS = 15;
const fallHalfLifeMinS = 3;
const fallSolveTimes = 4;
/** Paid work is forgotten with at least this half-life. */
const workHalfLifeMinS = 3;
/** Of an ordinary machine of two cores. */
export const referenceAttemptsPerSecond = 133;

interface TierPrice {
  /** Congestion of the tier, from 1: what base prices are multiplied with. */
  readonly factor: number;
  /** Smoothed paid work, standard grants at the floor price for each second. */
  readonly work: number;
  /** Smoothed standard grants given for each second. */
  readonly admitted: number;
}

export type PriceState = Readonly<Record<Tier, TierPrice>>;

interface TierSample {
  /** Sum of `paidWork` over the bids of the period. */
  readonly work: number;
  /** Standard grants given in the period. */
  readonly admitted: number;
}

export interface PriceSample extends Readonly<Record<Tier, TierSample>> {
  /** Length of the period. */
  readonly seconds: number;
  /** Standard grants for each second that the daemon can serve. */
  readonly capacity: number;
}

const idleTier: TierPrice = { factor: 1, work: 0, admitted: 0 };
export const idlePrices: PriceState = { established: idleTier, new: idleTier };

/**
 * What one bid counts as. `factorPaid` is its work over the work that a factor of one asks for. What is paid beyond the
 * going price counts no more than the price: generous, surcharged or malicious bids do not make it dearer for others.
 */
export function paidWork(units: number, factorPaid: number, factor: number): number {
  return units * Math.min(factorPaid, factor);
}

/** One period. A flood with constant computing power delivers constant work whatever the price, so work over capacity is
 * the price that clears: there is no integral that could wind up. */
export function nextPrices(state: PriceState, sample: PriceSample): PriceState {
  const next = (tier: Tier, other: Tier): TierPrice => nextTierPrice(tier, state[tier], state[other], sample);
  return { established: next('established', 'new'), new: next('new', 'established') };
}

function nextTierPrice(tier: Tier, mine: TierPrice, others: TierPrice, sample: PriceSample): TierPrice {
  const { seconds, capacity } = sample;
  const other = tiers.find((candidate) => candidate !== tier) ?? tier;
  const workNow = sample[tier].work / seconds;
  const work = workNow > riseFrom * mine.work ? mix(mine.work, workNow, riseWeight) : smoothed(tier, mine, sample);
  const admitted = mix(mine.admitted, sample[tier].admitted / seconds, 1 - 2 ** (-seconds / 2));
  // Work conserving: a tier may count on its share and on what the other one does not use of its own.
  const used = Math.min(others.admitted / capacity, tierShares[other]);
  const target = work / (targetUse * capacity * Math.max(tierShares[tier], 1 - used));
  const factor =
    target > mine.factor
      ? Math.min(target, mine.factor * riseMax)
      : Math.max(target, mine.factor * 2 ** (-seconds / fallHalfLifeS(tier, mine.factor)));
  return { factor: Math.min(Math.max(factor, 1), factorMax), work, admitted };
}

/** While everybody solves a dearer puzzle no work arrives; forgetting it meanwhile would make the price swing. */
function smoothed(tier: Tier, { factor, work }: TierPrice, { seconds, [tier]: { work: sum } }: PriceSample): number {
  const halfLifeS = Math.max(workHalfLifeMinS, 1.5 * solveSeconds(tier, factor));
  return mix(work, sum / seconds, 1 - 2 ** (-seconds / halfLifeS));
}

/** A cheap puzzle is solved soon, so that there is no silence to bridge. */
function fallHalfLifeS(tier: Tier, factor: number): number {
  return Math.min(fallHalfLifeMaxS, Math.max(fallHalfLifeMinS, fallSolveTimes * solveSeconds(tier, factor)));
}

function solveSeconds(tier: Tier, factor: number): number {
  return (priceRanges.upload[tier].base * factor) / referenceAttemptsPerSecond;
}

function mix(before: number, now: number, weight: number): number {
  return before + weight * (now - before);
}
