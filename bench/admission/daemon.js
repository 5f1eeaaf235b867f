// The daemon's admission around its own modules: what docs/proof-of-work.md says a daemon does with a proof. No network, no
// database; the work that was admitted goes to machines.js.
import { AdmissionQueue } from '../../dist/daemon/admission/admission-queue.js';
import { nextCapacity, paceOf, unmeasuredCapacity } from '../../dist/daemon/admission/capacity.js';
import { tierShares } from '../../dist/daemon/admission/price-controller.js';
import { tiers } from '../../dist/daemon/admission/prices.js';
import { Surcharges } from '../../dist/daemon/admission/surcharges.js';
import { VerifyBudget } from '../../dist/daemon/admission/verify-budget.js';
import { expectedAttempts } from '../../dist/protocol/proof-of-work.js';
import { Loop, loopSecondsEach, Store } from './machines.js';

const waitMaxS = 10;
/** What a check is taken to cost: more than it does. */
const checkSeconds = 0.0001;
const bothTiers = (make) => Object.fromEntries(tiers.map((tier) => [tier, make(tier)]));

export class Daemon {
  capacity = unmeasuredCapacity;
  /** A row for each period. */
  history = [];
  #events;
  #random;
  #law;
  #queue = new AdmissionQueue();
  #surcharges = new Surcharges(0);
  #budget = new VerifyBudget(0);
  #credit = 16;
  #creditAt = 0;
  #pumpAt = Number.POSITIVE_INFINITY;
  #sample = newSample();
  #since = 0;
  #grantsBefore = 0;
  grants = 0;

  constructor(events, random, law) {
    this.#events = events;
    this.#random = random;
    this.#law = law;
    this.loop = new Loop(events);
    this.store = new Store(events, random);
    this.#everySecond();
  }

  /** A free request. The account is `{ id, isEstablished }`. */
  challenge(account, network, answer) {
    this.loop.request(() => {
      const nowMs = this.#events.now * 1000;
      const tier = this.#tierOf(account);
      const surcharge = (factor) => this.#surcharges.of(applicantOf({ account, network, tier }), factor, nowMs);
      const { puzzles, effort256, floorAttempts } = this.#law.quote(tier, surcharge);
      const state = 'open';
      answer({ puzzles, effort256, floorAttempts, account, network, tier, issuedAtMs: nowMs, state, isSeen: false });
    });
  }

  /** Answers 'granted', 'invalid', 'deaf', 'spent' or a refusal `{ notBefore }`. */
  submit({ challenge, count, isValid }, answer) {
    this.loop.request(() => {
      const { now } = this.#events;
      const { account, tier } = challenge;
      if (this.#surcharges.isDeafTo({ account: account.id }, now * 1000)) return answer('deaf');
      if (challenge.state !== 'open') return answer('spent');
      // Work counts when it is shown for the first time, however often it comes back.
      const isFirst = !challenge.isSeen;
      challenge.isSeen = true;
      const weight = challenge.puzzles === 0 ? 1 : this.#budget.auditWeight(tier, now * 1000, this.#random);
      if (weight > 0) {
        if (challenge.puzzles > 0) this.#check();
        if (!isValid) return this.#fail(challenge, answer);
        if (isFirst) this.#surcharges.countGrant(applicantOf(challenge), now * 1000);
        const factorPaid = expectedAttempts(count, challenge.effort256) / challenge.floorAttempts;
        if (isFirst) this.#sample[tier].work += this.#law.workOf(tier, 1, factorPaid) * weight;
      }
      challenge.state = 'waiting';
      this.#enqueue({ challenge, isValid, isVerified: weight > 0, factorPaid: this.#bidOf(challenge, count), answer });
    });
  }

  /** Grants that a tier has in line. */
  lengthOf(tier) {
    return this.#queue.lengthOf(tier);
  }

  get verifiedSeconds() {
    return this.#budget.spentSeconds;
  }

  #tierOf({ id, isEstablished }) {
    const isTrusted = isEstablished && this.#law.hasTiers && !this.#surcharges.hasStrike(id, this.#events.now * 1000);
    return isTrusted ? 'established' : 'new';
  }

  /** What was paid over the floor, where the surcharge of this moment counts if it is higher than that of the challenge. */
  #bidOf({ account, tier, puzzles, effort256, floorAttempts }, count) {
    if (puzzles === 0) return 1;
    const handicap =
      this.#law.baseOf(tier) * this.#surcharges.handicap(account.id, this.#law.factorOf(tier), this.#events.now * 1000);
    return expectedAttempts(count, effort256) / Math.max(floorAttempts, handicap);
  }

  #enqueue({ challenge, isValid, isVerified, factorPaid, answer }) {
    const isOneLine = this.#law.isOneLine;
    const entry = {
      challenge,
      isValid,
      isVerified,
      factorPaid,
      answer,
      tier: isOneLine ? 'established' : challenge.tier,
      account: challenge.account.id,
      units: 1,
      issuedAtMs: this.#law.isByArrival ? this.#events.now * 1000 : challenge.issuedAtMs,
      isWaiting: true,
    };
    const unitsMax = (waitMaxS * this.capacity.perSecond) / (isOneLine ? tierShares.established : 1);
    this.#sample.tor.bids += factorPaid;
    for (const dropped of this.#queue.add(entry, unitsMax)) this.#refuse(dropped);
    this.#sample.tor.lengthMax = Math.max(this.#sample.tor.lengthMax, this.#queue.length);
    this.#pump();
    if (!entry.isWaiting) return;
    this.#events.at(this.#events.now + waitMaxS, () => {
      if (entry.isWaiting && this.#queue.remove(entry)) this.#refuse(entry);
    });
  }

  /** Of the loop's time and of the budget. */
  #check() {
    this.loop.occupy();
    this.#budget.spend(checkSeconds);
  }

  #fail(challenge, answer) {
    challenge.state = 'spent';
    this.#surcharges.proofFailed(applicantOf(challenge), this.#events.now * 1000);
    answer('invalid');
  }

  /** The proof stays good; its owner may come back. */
  #refuse(entry) {
    entry.isWaiting = false;
    entry.challenge.state = 'open';
    this.#sample.tor.bidDropped = Math.max(this.#sample.tor.bidDropped, entry.factorPaid);
    const share = this.#law.isOneLine ? 1 : tierShares[entry.tier];
    const waitS = this.#queue.unitsOf(entry.tier) / (paceOf(this.capacity).perSecond * share);
    // Not all at once.
    const spread = 0.6 + 0.4 * this.#random();
    entry.answer({ notBefore: this.#events.now + Math.min(30, Math.max(1.5, waitS)) * spread });
  }

  #pump() {
    const { now } = this.#events;
    const { perSecond, burst } = paceOf(this.capacity);
    this.#credit = Math.min(burst, this.#credit + perSecond * (now - this.#creditAt));
    this.#creditAt = now;
    let isNewHeld = false;
    for (;;) {
      const entry = this.#queue.peek((tier) => tier !== 'new' || !isNewHeld);
      if (entry === undefined) break;
      if (this.#credit < entry.units) return this.#pumpLater((entry.units - this.#credit) / perSecond);
      if (entry.tier === 'new' && !this.#budget.hasRoom(now * 1000)) {
        isNewHeld = true;
        continue;
      }
      if (!entry.isVerified) this.#check();
      if (entry.isValid) this.#grant(entry);
      else {
        this.#queue.remove(entry);
        entry.isWaiting = false;
        this.#fail(entry.challenge, entry.answer);
      }
    }
    if (isNewHeld) this.#pumpLater(0.005);
  }

  #pumpLater(seconds) {
    const at = this.#events.now + seconds + 1e-6;
    if (this.#pumpAt <= at) return;
    this.#pumpAt = at;
    this.#events.at(at, () => {
      if (this.#pumpAt !== at) return;
      this.#pumpAt = Number.POSITIVE_INFINITY;
      this.#pump();
    });
  }

  #grant(entry) {
    const nowMs = this.#events.now * 1000;
    const { tier } = entry.challenge;
    this.#queue.serve(entry);
    entry.isWaiting = false;
    entry.challenge.state = 'spent';
    this.#credit -= entry.units;
    this.#sample[tier].admitted += entry.units;
    this.grants += entry.units;
    this.#surcharges.countNewcomer(applicantOf(entry.challenge), nowMs);
    let served = () => {};
    entry.answer('granted', (listener) => {
      served = listener;
    });
    this.store.serve(entry.units, () => served());
  }

  #everySecond() {
    this.#events.at(this.#events.now + 1, () => {
      const admitted = this.grants - this.#grantsBefore;
      this.#grantsBefore = this.grants;
      const { busySeconds, queue } = this.store.takeSample(1);
      this.capacity = nextCapacity(this.capacity, {
        seconds: 1,
        loopSeconds: 2 * admitted * loopSecondsEach,
        diskSeconds: busySeconds,
        diskQueue: queue,
        loopDelayMs: this.loop.takeDelayMs(),
        admitted,
      });
      this.#nextPrices();
      this.#budget.tick(1);
      this.history.push({
        at: this.#events.now,
        ...bothTiers((tier) => this.#law.factorOf(tier)),
        capacity: this.capacity.perSecond,
        backlog: this.store.backlogSeconds,
        waiting: this.#queue.length,
      });
      this.#pump();
      this.#everySecond();
    });
  }

  #nextPrices() {
    const seconds = this.#events.now - this.#since;
    if (seconds < this.#law.periodSeconds - 1e-6) return;
    this.#since = this.#events.now;
    const { tor, ...sample } = this.#sample;
    const waiting = [...this.#queue].map(({ factorPaid }) => factorPaid);
    tor.bidWaiting = waiting.reduce((most, bid) => Math.max(most, bid), 0);
    tor.length = waiting.length;
    tor.handled = sample.established.admitted + sample.new.admitted;
    this.#law.next({ ...sample, seconds, capacity: this.capacity.perSecond, tor });
    this.#sample = newSample();
  }
}

function applicantOf({ account, network, tier }) {
  return { purpose: 'upload', tier, account: account.id, network };
}

function newSample() {
  return { ...bothTiers(() => ({ work: 0, admitted: 0 })), tor: { bids: 0, lengthMax: 0, bidDropped: 0 } };
}
