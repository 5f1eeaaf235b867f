// What is compared: the daemon's own price controller, and three others under the same arrivals.

import { idlePrices, nextPrices, paidWork } from '../../dist/daemon/admission/price-controller.js';
import { freePrice, priceOf, priceRanges } from '../../dist/daemon/admission/prices.js';
import { effort256Min } from '../../dist/protocol/proof-of-work.js';

const puzzles = 16;

/** A price of so many attempts, without a tier or a surcharge. */
function plainPrice(attempts) {
  const effort256 = Math.max(effort256Min, Math.round((attempts * 2 * effort256Min) / puzzles));
  return { puzzles, effort256, floorAttempts: 8 };
}

/** The daemon's modules. Without tiers, everybody is new. */
function adaptiveLaw({ hasTiers = true } = {}) {
  let state = idlePrices;
  return {
    hasTiers,
    isOneLine: false,
    periodSeconds: 1,
    quote: (tier, surcharge) =>
      priceOf({
        purpose: 'upload',
        tier,
        units: 1,
        factor: state[tier].factor,
        surcharge: surcharge(state[tier].factor),
      }),
    baseOf: (tier) => priceRanges.upload[tier].base,
    factorOf: (tier) => state[tier].factor,
    workOf: (tier, units, factorPaid) => paidWork(units, factorPaid, state[tier].factor),
    next: (sample) => {
      state = nextPrices(state, sample);
    },
  };
}

/** One line for all, ordered as the queue orders; no price ever changes. */
function constantLaw(price, isByArrival) {
  return {
    hasTiers: false,
    isOneLine: true,
    isByArrival,
    periodSeconds: 1,
    quote: () => price,
    baseOf: () => 0,
    factorOf: () => 1,
    workOf: () => 0,
    next: () => {},
  };
}

/**
 * The control loop of Tor's proposal 327, as its text describes it, with a period of 10 seconds in place of 300. Effort is
 * in attempts and begins at the least that the puzzle can cost.
 */
function torLaw() {
  let suggested = 8;
  return {
    hasTiers: false,
    isOneLine: true,
    periodSeconds: 10,
    quote: () => plainPrice(suggested),
    baseOf: () => 0,
    factorOf: () => suggested / 8,
    workOf: () => 0,
    next: ({ capacity, tor }) => {
      const quarterSecond = capacity / 4;
      const isShort = tor.lengthMax > quarterSecond && tor.bidWaiting * 8 >= suggested;
      if (tor.bidDropped * 8 > suggested || isShort) {
        suggested = Math.min(10_000, Math.max(suggested + 1, (tor.bids * 8) / Math.max(1, tor.handled)));
      } else if (tor.length < quarterSecond) suggested = Math.max(8, (suggested * 2) / 3);
    },
  };
}

export const laws = {
  adaptive: () => adaptiveLaw(),
  oneTier: () => adaptiveLaw({ hasTiers: false }),
  free: () => constantLaw(freePrice, true),
  fixed: () => constantLaw(plainPrice(133), false),
  tor: torLaw,
};
