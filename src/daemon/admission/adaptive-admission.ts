// Admission by price (docs/proof-of-work.md, "Admission"): quotes challenges at the price of the moment, keeps the bids in
// line, checks them, and lets in as many as the daemon can serve.
import { ProtocolError } from '../../protocol/errors.js';
import type { CreateChallengeResponse, Proof } from '../../protocol/messages.js';
import type { Challenges, OpenChallenge, RedeemedChallenge } from '../challenges.js';
import { type Admission, type AdmissionEvents, type Application, purposesOf, type TurnedAway } from './admission.js';
import { AdmissionQueue, type Waiting } from './admission-queue.js';
import { type CapacityState, paceOf, unmeasuredCapacity } from './capacity.js';
import { type MeasuredPeriod, PriceBook } from './price-book.js';
import type { PriceState } from './price-controller.js';
import { priceOf, priceRanges, type Tier } from './prices.js';
import { keyOf } from './replay-store.js';
import { Surcharges } from './surcharges.js';
import { VerifyBudget } from './verify-budget.js';

/** Who has waited so long is told to come back. */
export const admissionWaitMs = 10_000;
/** So many seconds of work may wait. */
const queueSeconds = 10;
const pumpMs = 20;
const delaySecondsMin = 1.5;
const delaySecondsMax = 30;
/** A registration or login is much less work than a grant. */
const strangerUnits = 0.1;

interface Place extends Waiting {
  readonly open: OpenChallenge;
  readonly application: Application;
  readonly arrivedMs: number;
  isChecked: boolean;
  resolve: (redeemed: RedeemedChallenge) => void;
  reject: (error: unknown) => void;
}

export interface AdaptiveOptions {
  readonly challenges: Challenges;
  /** Any steady clock, in milliseconds. */
  readonly clock: () => number;
  readonly events?: AdmissionEvents;
  readonly random?: () => number;
}

export class AdaptiveAdmission implements Admission {
  readonly #challenges: Challenges;
  readonly #clock: () => number;
  readonly #events: AdmissionEvents;
  readonly #random: () => number;
  readonly #queue = new AdmissionQueue<Place>();
  /** One place for each token. */
  readonly #places = new Map<string, Place>();
  readonly #surcharges: Surcharges;
  readonly #budget: VerifyBudget;
  readonly #book = new PriceBook();
  #credit = paceOf(unmeasuredCapacity).burst;
  #pumpedMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor({ challenges, clock, events = {}, random = Math.random }: AdaptiveOptions) {
    this.#challenges = challenges;
    this.#clock = clock;
    this.#events = events;
    this.#random = random;
    this.#surcharges = new Surcharges(clock());
    this.#budget = new VerifyBudget(clock());
    this.#pumpedMs = clock();
  }

  get prices(): PriceState {
    return this.#book.prices;
  }

  get capacity(): CapacityState {
    return this.#book.capacity;
  }

  get verifySeconds(): number {
    return this.#budget.spentSeconds;
  }

  waitingOf(tier: Tier): number {
    return this.#queue.lengthOf(tier);
  }

  issue(application: Application, units: number): CreateChallengeResponse {
    const { purpose, tier, account, binding } = application;
    const factor = this.#book.factorOf(tier);
    const surcharge = this.#surcharges.of(application, factor, this.#clock());
    const price = priceOf({ purpose, tier, units, factor, surcharge });
    return this.#challenges.issue({ purpose, tier, price, units, accountId: account, binding });
  }

  turnAway(ticket: string | undefined): void {
    this.#challenges.turnAway(ticket);
  }

  screen(proof: Proof): void {
    try {
      this.#challenges.screen(proof);
    } catch (error) {
      throw this.#refused('challenge', error);
    }
  }

  async admit(proof: Proof, application: Application): Promise<RedeemedChallenge> {
    const { account, binding } = application;
    if (this.#surcharges.isDeafTo(application, this.#clock())) {
      throw this.#refused('strikes', new ProtocolError('rate-limited', 'too many wrong proofs came from here'));
    }
    let open: OpenChallenge;
    try {
      open = this.#challenges.open(proof, { purposes: purposesOf(application), accountId: account, binding });
    } catch (error) {
      throw this.#refused('challenge', error);
    }
    return new Promise<RedeemedChallenge>((resolve, reject) => {
      this.#arrive(open, application, { resolve, reject });
    });
  }

  loginStarted({ login, network }: Application): void {
    if (login !== undefined) this.#surcharges.countFailedLogins(login, network, 1, this.#clock());
  }

  loginSucceeded({ login, network }: Application): void {
    if (login !== undefined) this.#surcharges.countFailedLogins(login, network, -1, this.#clock());
  }

  hasStrike(account: string): boolean {
    return this.#surcharges.hasStrike(account, this.#clock());
  }

  /** Once a second: what was measured since the last time. */
  tick(period: MeasuredPeriod): void {
    this.#book.close(period);
    this.#budget.tick(period.seconds);
    this.#pump();
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const place of [...this.#queue]) this.#turnOut(place, 'closing');
  }

  /** Puts a bid in line; a higher one for the same token takes the place of the lower. */
  #arrive(open: OpenChallenge, application: Application, answer: Pick<Place, 'resolve' | 'reject'>): void {
    const now = this.#clock();
    const { tier, issuedAtS } = open.token;
    const units = application.account === undefined ? strangerUnits : open.token.units;
    const { account } = application;
    const waiting = { tier, account, units, factorPaid: this.#bidOf(open, account), issuedAtMs: issuedAtS * 1000 };
    const place: Place = { ...waiting, open, application, arrivedMs: now, isChecked: false, ...answer };
    const before = this.#places.get(keyOf(open.token));
    if (before !== undefined) {
      // The same bid again is a client whose connection broke: the place is kept, and answered here.
      if (before.open.proof.solutions === open.proof.solutions) place.isChecked = before.isChecked;
      else if (before.open.factorPaid >= open.factorPaid) {
        answer.reject(this.#refused('repeated', this.#challenges.delay(open, delaySecondsMin)));
        return;
      }
      this.#leave(before);
      before.reject(new ProtocolError('conflict', 'the challenge has come again'));
    }
    const weight = place.isChecked ? 0 : this.#auditWeight(place, now);
    if (weight > 0) {
      if (!this.#check(place)) return;
      const part = this.#countFirst(place, now);
      this.#book.addWork(tier, units, open.factorPaid * part, weight);
    }
    this.#places.set(keyOf(open.token), place);
    for (const dropped of this.#queue.add(place, queueSeconds * this.capacity.perSecond)) this.#turnOut(dropped, 'bid');
    this.#pump();
  }

  /**
   * What the queue goes by: what was paid over the floor, where the load of the account counts as it is now if that is more
   * than what the challenge has charged for it.
   */
  #bidOf({ token, factorPaid }: OpenChallenge, account: string | undefined): number {
    if (account === undefined) return factorPaid;
    const { purpose, tier, units, floorAttempts16 } = token;
    const handicap = this.#surcharges.handicap(account, this.#book.factorOf(tier), this.#clock());
    const floorAttempts = floorAttempts16 / 16;
    return (factorPaid * floorAttempts) / Math.max(floorAttempts, units * priceRanges[purpose][tier].base * handicap);
  }

  /** The part of a checked proof that was never shown before; a proof that is new as a whole is a grant more of its account. */
  #countFirst({ open, application }: Place, now: number): number {
    const records = this.#challenges.countNew(open);
    if (records === open.solutions.length) this.#surcharges.countGrant(application, now);
    return records / Math.max(1, open.solutions.length);
  }

  #auditWeight({ tier, open }: Place, now: number): number {
    // Free admission has nothing to check.
    return open.token.puzzles === 0 ? 0 : this.#budget.auditWeight(tier, now, this.#random);
  }

  /** Lets in what may be let in now, and comes back while somebody waits. */
  #pump(): void {
    const now = this.#clock();
    const { perSecond, burst } = paceOf(this.capacity);
    this.#credit = Math.min(burst, this.#credit + (Math.max(0, now - this.#pumpedMs) / 1000) * perSecond);
    this.#pumpedMs = now;
    for (;;) {
      const place = this.#queue.peek((tier) => tier === 'established' || this.#budget.hasRoom(now));
      if (place === undefined || this.#credit < Math.min(place.units, burst)) break;
      this.#serve(place, now);
    }
    if (this.#queue.length === 0 || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#pump();
      this.#expire();
    }, pumpMs);
  }

  #expire(): void {
    const now = this.#clock();
    for (const place of [...this.#queue]) {
      if (now - place.arrivedMs >= admissionWaitMs) this.#turnOut(place, 'wait');
    }
  }

  #serve(place: Place, now: number): void {
    if (place.application.isGone?.() === true) {
      this.#leave(place);
      place.reject(this.#refused('gone', new ProtocolError('conflict', 'the client has gone')));
      return;
    }
    this.#places.delete(keyOf(place.open.token));
    if (!place.isChecked) {
      if (!this.#check(place)) {
        this.#queue.remove(place);
        return;
      }
      this.#countFirst(place, now);
    }
    this.#queue.serve(place);
    let redeemed: RedeemedChallenge;
    try {
      redeemed = this.#challenges.claim(place.open);
    } catch (error) {
      place.reject(this.#refused('challenge', error));
      return;
    }
    const { tier, units, application } = place;
    this.#credit -= units;
    this.#book.addAdmitted(tier, units);
    this.#surcharges.countNewcomer({ ...application, tier, purpose: redeemed.purpose }, now);
    this.#events.onAdmitted?.(tier, redeemed.purpose, now - place.arrivedMs);
    place.resolve(redeemed);
  }

  /** False, and answered, where the work is wrong. */
  #check(place: Place): boolean {
    const startedMs = performance.now();
    try {
      this.#challenges.check(place.open);
      place.isChecked = true;
    } catch (error) {
      this.#surcharges.proofFailed({ ...place.application, tier: place.tier }, this.#clock());
      place.reject(this.#refused('proof', error));
    }
    this.#budget.spend((performance.now() - startedMs) / 1000);
    return place.isChecked;
  }

  #turnOut(place: Place, reason: TurnedAway): void {
    this.#leave(place);
    const aheadUnits = this.#queue.unitsOf(place.tier);
    const seconds = aheadUnits / paceOf(this.capacity).perSecond;
    // Spread, so that those who were turned out together do not come back together.
    const delayS = Math.min(Math.max(seconds, delaySecondsMin), delaySecondsMax) * (0.6 + 0.4 * this.#random());
    try {
      place.reject(this.#refused(reason, this.#challenges.delay(place.open, delayS)));
    } catch (error) {
      // It has expired while it waited.
      place.reject(error);
    }
  }

  #leave(place: Place): void {
    this.#queue.remove(place);
    if (this.#places.get(keyOf(place.open.token)) === place) this.#places.delete(keyOf(place.open.token));
  }

  #refused<T>(reason: TurnedAway, error: T): T {
    this.#events.onTurnedAway?.(reason);
    return error;
  }
}
