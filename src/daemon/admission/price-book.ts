// The prices and the capacity of this moment, and what the running second adds to them
// (docs/proof-of-work.md, "The controller").
import { type CapacitySample, type CapacityState, nextCapacity, unmeasuredCapacity } from './capacity.js';
import { idlePrices, nextPrices, type PriceState, paidWork } from './price-controller.js';
import { type Tier, tiers } from './prices.js';

/** What was measured in a period; the rest is known here. */
export type MeasuredPeriod = Omit<CapacitySample, 'admitted'>;

export class PriceBook {
  #prices: PriceState = idlePrices;
  #capacity: CapacityState = unmeasuredCapacity;
  readonly #work: Record<Tier, number> = { established: 0, new: 0 };
  readonly #admitted: Record<Tier, number> = { established: 0, new: 0 };

  get prices(): PriceState {
    return this.#prices;
  }

  get capacity(): CapacityState {
    return this.#capacity;
  }

  factorOf(tier: Tier): number {
    return this.#prices[tier].factor;
  }

  /** Work that was checked and is right; `weight` where it stands for bids that were not checked. */
  addWork(tier: Tier, units: number, factorPaid: number, weight: number): void {
    this.#work[tier] += weight * paidWork(units, factorPaid, this.factorOf(tier));
  }

  addAdmitted(tier: Tier, units: number): void {
    this.#admitted[tier] += units;
  }

  /** Ends a period, about a second long. */
  close(period: MeasuredPeriod): void {
    const admitted = this.#admitted.established + this.#admitted.new;
    this.#capacity = nextCapacity(this.#capacity, { ...period, admitted });
    const sampleOf = (tier: Tier) => ({ work: this.#work[tier], admitted: this.#admitted[tier] });
    const sample = { established: sampleOf('established'), new: sampleOf('new') };
    this.#prices = nextPrices(this.#prices, { ...sample, ...period, capacity: this.#capacity.perSecond });
    for (const tier of tiers) {
      this.#work[tier] = 0;
      this.#admitted[tier] = 0;
    }
  }
}
