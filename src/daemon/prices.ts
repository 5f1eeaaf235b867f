// What a challenge costs (docs/proof-of-work.md, "Prices"). Challenges ask a PriceSource and know nothing else of prices.
import type { Purpose } from '../protocol/messages.js';
import { effort256Min, solutionsPerAttempt } from '../protocol/proof-of-work.js';

/** `puzzles` sub-solutions through a filter of strength `effort256` / 256; 0 puzzles is free admission. */
interface Price {
  readonly puzzles: number;
  readonly effort256: number;
}

/** The price of one challenge, asked for when it is issued. */
export type PriceSource = (purpose: Purpose, nowMs: number) => Price;

/** Mean attempts of a challenge when nobody is waiting. */
const floorAttempts = { register: 512, login: 8, upload: 8, query: 8 } as const satisfies Record<Purpose, number>;

/** More sub-solutions make the time to solve steadier; a login is cheaper to check and to send with fewer. */
const puzzlesOf = { register: 16, login: 8, upload: 16, query: 16 } as const satisfies Record<Purpose, number>;

/** The price whose mean work is `attempts`, never below what the puzzles cost without a filter. */
export function priceOf(purpose: Purpose, attempts: number): Price {
  const puzzles = puzzlesOf[purpose];
  const effort256 = Math.round((attempts * solutionsPerAttempt * effort256Min) / puzzles);
  return { puzzles, effort256: Math.min(Math.max(effort256, effort256Min), 2 ** 32 - 1) };
}

/** Everybody pays the floor, always. */
export function floorPrices(): PriceSource {
  return (purpose) => priceOf(purpose, floorAttempts[purpose]);
}

/** Challenges and grants are still issued and spent, and cost nothing to solve. */
export function freePrices(): PriceSource {
  return () => ({ puzzles: 0, effort256: effort256Min });
}
