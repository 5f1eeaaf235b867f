// Who waits for admission (docs/proof-of-work.md, "Admission"): bounded, one line for each tier, each ordered by bid and
// then by age. The tiers take turns by their shares. A plain data structure without a clock, which the simulation uses too.
import { tierShares } from './price-controller.js';
import { type Tier, tiers } from './prices.js';

export interface Waiting {
  readonly tier: Tier;
  /** Whose it is; undefined where there is no account yet. */
  readonly account: string | undefined;
  readonly units: number;
  /** The bid: work paid over the work that a factor of one asks for. */
  readonly factorPaid: number;
  /** When its challenge was issued: among equal bids the longest at work comes first. */
  readonly issuedAtMs: number;
}

/** Places of one account at once. */
export const waitingPerAccountMax = 4;

/** Beyond this many entries a tier takes none, whatever they are worth. */
const entriesMax = 4096;

/** Fair queueing: each tier has a clock that runs by what it was given over its share; the one behind is next. */
export class AdmissionQueue<T extends Waiting> {
  readonly #lines: Readonly<Record<Tier, T[]>> = { established: [], new: [] };
  readonly #clocks: Record<Tier, number> = { established: 0, new: 0 };
  readonly #units: Record<Tier, number> = { established: 0, new: 0 };
  readonly #perAccount = new Map<string, number>();

  lengthOf(tier: Tier): number {
    return this.#lines[tier].length;
  }

  get length(): number {
    return this.lengthOf('established') + this.lengthOf('new');
  }

  unitsOf(tier: Tier): number {
    return this.#units[tier];
  }

  /**
   * Puts an entry in line. `unitsMax` bounds what may wait in both tiers together, each having its share. Returns who had
   * to go for it, the lowest bids first; that may be the entry itself.
   */
  add(entry: T, unitsMax: number): T[] {
    const line = this.#lines[entry.tier];
    if (line.length === 0) this.#wake(entry.tier);
    line.splice(placeOf(line, entry), 0, entry);
    this.#count(entry, 1);
    const dropped: T[] = [];
    if (entry.account !== undefined && (this.#perAccount.get(entry.account) ?? 0) > waitingPerAccountMax) {
      this.#drop(
        line,
        line.findLastIndex(({ account }) => account === entry.account),
        dropped,
      );
    }
    // A single entry may be larger than the bound; it is not refused for that.
    while (
      line.length > 1 &&
      (line.length > entriesMax || this.#units[entry.tier] > unitsMax * tierShares[entry.tier])
    ) {
      this.#drop(line, line.length - 1, dropped);
    }
    return dropped;
  }

  /** The next to be served, which stays in line; `isAllowed` may leave a tier out. */
  peek(isAllowed: (tier: Tier) => boolean = () => true): T | undefined {
    let next: Tier | undefined;
    for (const tier of tiers) {
      const isBehind = next === undefined || this.#clocks[tier] < this.#clocks[next];
      if (this.#lines[tier].length > 0 && isBehind && isAllowed(tier)) next = tier;
    }
    return next === undefined ? undefined : this.#lines[next][0];
  }

  /** Takes an entry out of its line because it is served: its tier's clock moves on. */
  serve(entry: T): void {
    this.remove(entry);
    this.#clocks[entry.tier] += entry.units / tierShares[entry.tier];
  }

  /** False where the entry is not in line. */
  remove(entry: T): boolean {
    const line = this.#lines[entry.tier];
    const index = line.indexOf(entry);
    if (index < 0) return false;
    this.#drop(line, index, []);
    return true;
  }

  *[Symbol.iterator](): Generator<T> {
    for (const tier of tiers) yield* this.#lines[tier];
  }

  #drop(line: T[], index: number, dropped: T[]): void {
    for (const entry of line.splice(index, 1)) {
      this.#count(entry, -1);
      dropped.push(entry);
    }
  }

  #count({ tier, account, units }: T, sign: 1 | -1): void {
    this.#units[tier] += sign * units;
    if (account === undefined) return;
    const count = (this.#perAccount.get(account) ?? 0) + sign;
    if (count === 0) this.#perAccount.delete(account);
    else this.#perAccount.set(account, count);
  }

  /** Time that a tier did not use gives it no credit for later. */
  #wake(tier: Tier): void {
    const busy = tiers.filter((candidate) => this.#lines[candidate].length > 0);
    for (const other of busy) this.#clocks[tier] = Math.max(this.#clocks[tier], this.#clocks[other]);
    if (busy.length > 0) return;
    for (const each of tiers) this.#clocks[each] = 0;
  }
}

/** Behind everything that bids more, or as much and was issued earlier. */
function placeOf(line: readonly Waiting[], entry: Waiting): number {
  let low = 0;
  let high = line.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = line[middle];
    const isBefore =
      other !== undefined &&
      (other.factorPaid > entry.factorPaid ||
        (other.factorPaid === entry.factorPaid && other.issuedAtMs <= entry.issuedAtMs));
    if (isBefore) low = middle + 1;
    else high = middle;
  }
  return low;
}
