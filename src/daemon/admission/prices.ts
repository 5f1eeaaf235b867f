// What a challenge costs (docs/proof-of-work.md, "Prices"): base price of the purpose, times congestion of the tier, times
// the surcharges of whoever asks. Pure numbers; the simulation uses the same.
import { type Purpose, type Tier, tiers } from '../../protocol/messages.js';
import { effort256Min, solutionsPerAttempt } from '../../protocol/proof-of-work.js';

export { type Tier, tiers };

interface PriceRange {
  /** Mean attempts for one standard grant when nobody is waiting. */
  readonly base: number;
  /** Whatever happens, one standard grant costs no more. */
  readonly cap: number;
}

export const priceRanges: Readonly<Record<Purpose, Readonly<Record<Tier, PriceRange>>>> = {
  upload: { established: { base: 8, cap: 500 }, new: { base: 64, cap: 4000 } },
  query: { established: { base: 8, cap: 500 }, new: { base: 32, cap: 4000 } },
  login: { established: { base: 8, cap: 128 }, new: { base: 32, cap: 1024 } },
  // Established is a registration with an invitation of the operator.
  register: { established: { base: 32, cap: 1024 }, new: { base: 512, cap: 8000 } },
};

/** Beyond this factor an upload costs its cap, so a higher one would change nothing but the time to come down. */
export const factorMax = 62.5;

/** With so many sub-solutions the time to solve is steady. */
const puzzles = 16;

/** `puzzles` sub-solutions through a filter of strength `effort256` / 256; 0 puzzles is free admission. */
export interface Price {
  readonly puzzles: number;
  readonly effort256: number;
  /** Attempts that are worth a factor of one: a bid is measured against them. */
  readonly floorAttempts: number;
}

export interface PriceRequest {
  readonly purpose: Purpose;
  readonly tier: Tier;
  /** Standard grants asked for in one; 1 for register and login. */
  readonly units: number;
  /** Congestion of the tier, from 1. */
  readonly factor: number;
  /** Of account and network, from 1. */
  readonly surcharge: number;
}

/** The price of a request, between base and cap, never below what the puzzles cost without a filter. */
export function priceOf({ purpose, tier, units, factor, surcharge }: PriceRequest): Price {
  const { base, cap } = priceRanges[purpose][tier];
  const attempts = units * Math.min(Math.max(base * factor * surcharge, base), cap);
  const effort256 = Math.round((attempts * solutionsPerAttempt * effort256Min) / puzzles);
  return {
    puzzles,
    effort256: Math.min(Math.max(effort256, effort256Min), 2 ** 32 - 1),
    floorAttempts: units * base * Math.max(1, surcharge),
  };
}

/** Challenges and grants are still issued and spent, and cost nothing to solve. */
export const freePrice: Price = { puzzles: 0, effort256: effort256Min, floorAttempts: 1 };
