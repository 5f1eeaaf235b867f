// How much of the processor checking proofs may take (docs/proof-of-work.md, "Checking"): a fifth of one core, half of it
// for looking at bids as they arrive.
import { type Tier, tiers } from './prices.js';

/** Seconds of CPU for each second. */
export const verifyShare = 0.2;
const depthSeconds = 0.2;
/** What is taken to be the cost of a check before any was timed. */
const guessSeconds = 0.0002;
const costWeight = 0.05;

export class VerifyBudget {
  #seconds = depthSeconds;
  #atMs: number;
  #costSeconds = guessSeconds;
  readonly #arrivals: Record<Tier, number> = { established: 0, new: 0 };
  readonly #auditShares: Record<Tier, number> = { established: 1, new: 1 };
  /** All seconds that were spent so far, for metrics. */
  spentSeconds = 0;

  /** `nowMs` of any steady clock. */
  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** True while a check may be made. */
  hasRoom(nowMs: number): boolean {
    this.#refill(nowMs);
    return this.#seconds > 0;
  }

  spend(seconds: number): void {
    this.#seconds -= seconds;
    this.spentSeconds += seconds;
    this.#costSeconds += costWeight * (seconds - this.#costSeconds);
  }

  /**
   * Whether an arriving bid is checked at once: the weight of its work if so, 0 if not. Under a flood only some are, and
   * each stands for those that were not.
   */
  auditWeight(tier: Tier, nowMs: number, random: () => number = Math.random): number {
    this.#refill(nowMs);
    this.#arrivals[tier] += 1;
    const share = this.#auditShares[tier];
    return this.#seconds > depthSeconds / 2 && (share === 1 || random() < share) ? 1 / share : 0;
  }

  /** Once a second: how many of the next second's arrivals can be checked at once. */
  tick(seconds: number): void {
    for (const tier of tiers) {
      const affordable = (seconds * verifyShare) / 2 / tiers.length / Math.max(this.#costSeconds, 1e-6);
      this.#auditShares[tier] = Math.min(1, affordable / Math.max(1, this.#arrivals[tier]));
      this.#arrivals[tier] = 0;
    }
  }

  #refill(nowMs: number): void {
    const added = (Math.max(0, nowMs - this.#atMs) / 1000) * verifyShare;
    this.#seconds = Math.min(depthSeconds, this.#seconds + added);
    this.#atMs = nowMs;
  }
}
