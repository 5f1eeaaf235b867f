// How much each account has lately been given, and how often it has failed (docs/proof-of-work.md, "Surcharges"). In memory:
// a restart forgives.

/** Grants that an account may take at once before they cost more. */
const freeGrants = 4;
/** One grant is forgotten in this time. */
const forgetMs = 15_000;
/** 2^6: the dearest an account can make its own grants. */
const doublingsMax = 6;
/** Its place in the queue sinks further. */
const handicapDoublingsMax = 12;
const strikeMs = 10 * 60_000;
/** So many strikes within their time, and the account is not heard for longer. */
export const strikesMax = 3;
export const deafMs = 60 * 60_000;
const strikeFactor = 4;
/** Of each of two generations. */
const accountsMax = 32_768;

interface Load {
  /** Leaky bucket, in grants, as of `atMs`. */
  grants: number;
  atMs: number;
  strikes: number;
  strikesEndMs: number;
}

/** Times are of any steady clock in milliseconds. */
export class AccountLoads {
  /** Whoever was heard of stands in the young generation. When that is full it becomes the old one, which is forgotten:
   * no account is ever searched for, however many a flood brings. */
  #young = new Map<string, Load>();
  #old = new Map<string, Load>();

  /**
   * What multiplies the price. Many grants cost more only while the tier is congested: on an idle daemon they harm
   * nobody. From a factor of two on each further grant doubles it. Strikes always cost.
   */
  surcharge(account: string, factor: number, nowMs: number): number {
    const load = this.#find(account);
    if (load === undefined) return 1;
    const strikes = nowMs < load.strikesEndMs ? Math.min(load.strikes, strikesMax) : 0;
    return loadFactor(load, factor, doublingsMax, nowMs) * strikeFactor ** strikes;
  }

  /**
   * What divides a bid when it takes its place in the queue, by the load of that moment: challenges that were collected
   * before the load came are worth no more than others, and who has had much comes after who has had little.
   */
  handicap(account: string, factor: number, nowMs: number): number {
    const load = this.#find(account);
    return load === undefined ? 1 : loadFactor(load, factor, handicapDoublingsMax, nowMs);
  }

  granted(account: string, nowMs: number): void {
    const load = this.#loadOf(account);
    load.grants = leaked(load, nowMs) + 1;
    load.atMs = nowMs;
  }

  /** A proof that was wrong. */
  strike(account: string, nowMs: number): void {
    const load = this.#loadOf(account);
    load.strikes = nowMs < load.strikesEndMs ? load.strikes + 1 : 1;
    load.strikesEndMs = nowMs + (load.strikes >= strikesMax ? deafMs : strikeMs);
  }

  hasStrike(account: string, nowMs: number): boolean {
    return nowMs < (this.#find(account)?.strikesEndMs ?? 0);
  }

  /** True for who has failed too often: its proofs are not even looked at. */
  isDeafTo(account: string, nowMs: number): boolean {
    return this.hasStrike(account, nowMs) && (this.#find(account)?.strikes ?? 0) >= strikesMax;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  #find(account: string): Load | undefined {
    return this.#young.get(account) ?? this.#old.get(account);
  }

  #loadOf(account: string): Load {
    const young = this.#young.get(account);
    if (young !== undefined) return young;
    const load = this.#old.get(account) ?? { grants: 0, atMs: 0, strikes: 0, strikesEndMs: 0 };
    this.#old.delete(account);
    if (this.#young.size >= accountsMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(account, load);
    return load;
  }
}

function loadFactor(load: Load, factor: number, most: number, nowMs: number): number {
  const doublings = Math.min(Math.max(leaked(load, nowMs) - freeGrants, 0), most);
  return Math.min(2, Math.max(1, factor)) ** doublings;
}

function leaked({ grants, atMs }: Load, nowMs: number): number {
  return Math.max(0, grants - Math.max(0, nowMs - atMs) / forgetMs);
}
