// Issues challenges and redeems solved ones (docs/proof-of-work.md, "Checking"). The token carries everything under a MAC, so
// the daemon keeps one bit of each. Everything here is synchronous: no two redemptions can cross.
import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { fromBase64, toBase64, utf8 } from '../protocol/bytes.js';
import {
  type Budget,
  type ChallengeToken,
  challengeBindingBytes,
  challengeMacBytes,
  challengeSaltBytes,
  challengeSubjectBytes,
  challengeTokenBytes,
  decodeChallengeToken,
  encodeChallengeBody,
} from '../protocol/challenge-token.js';
import { ProtocolError } from '../protocol/errors.js';
import { grantBudgets } from '../protocol/limits.js';
import type { CreateChallengeResponse, Proof, Purpose, Tier } from '../protocol/messages.js';
import { challengeSeed, decodeSolutions, expectedAttempts, type Solution } from '../protocol/proof-of-work.js';
import type { Price } from './admission/prices.js';
import type { ChallengeNumber, ReplayStore } from './admission/replay-store.js';
import { createTickets, notAdmitted, type Tickets } from './admission/tickets.js';
import { checkWork, sampleSolutions } from './check-work.js';

/** A challenge lives six times as long as a machine of this many attempts a second needs, within bounds. */
const slowAttemptsPerSecond = 100;
const challengeLifetimeMinS = 120;
const challengeLifetimeMaxS = 600;

const noBudget: Budget = { bytes: 0, blobs: 0, ids: 0 };
const noBinding = new Uint8Array(challengeBindingBytes);

export interface ChallengeRequest {
  readonly purpose: Purpose;
  readonly tier: Tier;
  readonly price: Price;
  /** Standard grants in one; 1 for register and login. */
  readonly units: number;
  /** Of the caller; absent for register and login. */
  readonly accountId?: string | undefined;
  /** `challengeBinding` for register and login; absent otherwise. */
  readonly binding?: Uint8Array | undefined;
}

export interface ExpectedChallenge {
  /** Any of these will do. */
  readonly purposes: readonly Purpose[];
  readonly accountId?: string | undefined;
  readonly binding?: Uint8Array | undefined;
}

/** A proof whose token is ours. */
interface ScreenedProof {
  readonly token: ChallengeToken;
  /** The whole token, MAC included. */
  readonly tokenBytes: Uint8Array;
  readonly solutions: readonly Solution[];
}

/** A proof whose token is ours, in time, unspent and for what it is used for. Its work is not checked yet. */
export interface OpenChallenge extends ScreenedProof {
  readonly proof: Proof;
  /** Work that the proof claims over the work that a factor of one asks for. */
  readonly factorPaid: number;
}

export interface RedeemedChallenge {
  readonly purpose: Purpose;
  readonly tier: Tier;
  readonly budget: Budget;
}

export interface Challenges {
  /** Throws ProtocolError `rate-limited` when too many challenges are open. */
  issue(request: ChallengeRequest): CreateChallengeResponse;
  /** Throws ProtocolError `not-admitted` for a ticket whose time has not come, `malformed` for one that is not ours. */
  turnAway(ticket: string | undefined): void;
  /** The first of the cheap checks, which needs neither caller nor database: throws as `open` does. */
  screen(proof: Proof): void;
  /**
   * The cheap checks. Changes nothing. Throws ProtocolError `malformed`, `challenge-invalid`, `challenge-expired`,
   * `challenge-spent`, and `not-admitted` for a challenge that was told to wait and comes too early.
   */
  open(proof: Proof, expected: ExpectedChallenge): OpenChallenge;
  /** Throws ProtocolError `proof-insufficient`, and uses the challenge up then: a wrong proof has one try. */
  check(open: OpenChallenge): void;
  /**
   * Uses a challenge up. Throws ProtocolError `challenge-spent`, `challenge-expired`, and `unavailable` where the store of
   * spent ones fails.
   */
  claim(open: OpenChallenge): RedeemedChallenge;
  /** How many records of the proof have not been counted as work before. */
  countNew(open: OpenChallenge): number;
  /** The refusal of a challenge that keeps its worth and may come back in `seconds`. */
  delay(open: OpenChallenge, seconds: number): ProtocolError;
}

interface ChallengesOptions {
  /** Secret of the daemon, the same after a restart. */
  readonly masterKey: Uint8Array;
  readonly replay: ReplayStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

function subjectOf(accountId: string | undefined): Uint8Array {
  if (accountId === undefined) return new Uint8Array(challengeSubjectBytes);
  const digest = createHash('sha256').update('jaycloud/1/pow-subject\0').update(accountId).digest();
  return new Uint8Array(digest.subarray(0, challengeSubjectBytes));
}

function budgetOf(purpose: Purpose, units: number): Budget {
  if (purpose !== 'upload' && purpose !== 'query') return noBudget;
  const { bytes, blobs, ids } = grantBudgets[purpose];
  return { bytes: bytes * units, blobs: blobs * units, ids: ids * units };
}

function lifetimeS(attempts: number): number {
  const wanted = Math.ceil((6 * attempts) / slowAttemptsPerSecond);
  return Math.min(Math.max(wanted, challengeLifetimeMinS), challengeLifetimeMaxS);
}

function bytesOf(text: string): Uint8Array {
  if (text.length !== Math.ceil((challengeTokenBytes * 4) / 3)) {
    throw new ProtocolError('challenge-invalid', 'token has the wrong length');
  }
  return fromBase64(text);
}

/** The part of a bid that the queue goes by. */
function factorPaidOf({ effort256, floorAttempts16 }: ChallengeToken, solutions: number): number {
  return (expectedAttempts(solutions, effort256) * 16) / floorAttempts16;
}

function encodeBody(
  { purpose, tier, price, units, accountId, binding }: ChallengeRequest,
  number: ChallengeNumber,
  issuedAtS: number,
  expiresAtS: number,
): Uint8Array {
  const { puzzles, effort256, floorAttempts } = price;
  return encodeChallengeBody({
    ...number,
    purpose,
    tier,
    units,
    floorAttempts16: Math.max(1, Math.min(Math.round(floorAttempts * 16), 2 ** 32 - 1)),
    puzzles,
    effort256,
    issuedAtS,
    lifetimeS: expiresAtS - issuedAtS,
    subject: subjectOf(accountId),
    binding: binding ?? noBinding,
    budget: budgetOf(purpose, units),
    salt: randomBytes(challengeSaltBytes),
  });
}

export function createChallenges(options: ChallengesOptions): Challenges {
  return new TokenChallenges(options);
}

class TokenChallenges implements Challenges {
  readonly #replay: ReplayStore;
  readonly #now: () => number;
  readonly #macKey: Uint8Array;
  readonly #sampleKey = randomBytes(32);
  readonly #tickets: Tickets;
  readonly #screened = new WeakMap<Proof, ScreenedProof>();

  constructor({ masterKey, replay, now }: ChallengesOptions) {
    this.#replay = replay;
    this.#now = now;
    this.#macKey = new Uint8Array(hkdfSync('sha256', masterKey, '', 'jaycloud/1/pow-token', 32));
    this.#tickets = createTickets(masterKey);
  }

  issue(request: ChallengeRequest): CreateChallengeResponse {
    const issuedAtS = this.#nowS();
    const { puzzles, effort256 } = request.price;
    const attempts = expectedAttempts(puzzles, effort256);
    const expiresAtS = issuedAtS + lifetimeS(attempts);
    const body = encodeBody(request, this.#replay.take(expiresAtS, issuedAtS), issuedAtS, expiresAtS);
    return {
      token: toBase64(Buffer.concat([body, this.#macOf(body)])),
      algorithm: 'eq60',
      puzzles,
      effort256,
      expectedAttempts: attempts,
      tier: request.tier,
      expiresAt: new Date(expiresAtS * 1000).toISOString(),
    };
  }

  turnAway(ticket: string | undefined): void {
    if (ticket !== undefined) this.#tickets.check(ticket, this.#nowS());
  }

  screen(proof: Proof): void {
    this.#screened.set(proof, this.#read(proof));
  }

  open(proof: Proof, { purposes, accountId, binding }: ExpectedChallenge): OpenChallenge {
    const { token, tokenBytes, solutions } = this.#screened.get(proof) ?? this.#read(proof);
    if (this.#now() / 1000 >= token.issuedAtS + token.lifetimeS) {
      throw new ProtocolError('challenge-expired', 'the challenge has expired');
    }
    this.#replay.check(token);
    if (
      !purposes.includes(token.purpose) ||
      !timingSafeEqual(token.subject, subjectOf(accountId)) ||
      !timingSafeEqual(token.binding, binding ?? noBinding)
    ) {
      throw new ProtocolError('challenge-invalid', 'the challenge is for something else');
    }
    const nowS = this.#nowS();
    const leftS = this.#replay.delayLeftS(token, nowS);
    if (leftS > 0) throw notAdmitted('too early', this.#tickets.issue(token, nowS + leftS));
    return { token, tokenBytes, solutions, proof, factorPaid: factorPaidOf(token, solutions.length) };
  }

  check(open: OpenChallenge): void {
    const { token, tokenBytes, solutions, proof } = open;
    try {
      checkWork(token, challengeSeed(tokenBytes), solutions, sampleSolutions(solutions, this.#sampleKey, proof));
    } catch (error) {
      this.#replay.waste(token);
      throw error;
    }
  }

  claim({ token }: OpenChallenge): RedeemedChallenge {
    this.#replay.claim(token, token.issuedAtS + token.lifetimeS);
    return { purpose: token.purpose, tier: token.tier, budget: token.budget };
  }

  countNew({ token, solutions }: OpenChallenge): number {
    return this.#replay.countNew(token, solutions.length);
  }

  delay({ token }: OpenChallenge, seconds: number): ProtocolError {
    const untilS = this.#nowS() + Math.max(1, Math.ceil(seconds));
    this.#replay.delay(token, untilS);
    return notAdmitted('others bid more for admission', this.#tickets.issue(token, untilS));
  }

  /** Throws unless it is a token of ours, whatever it is for. */
  #read(proof: Proof): ScreenedProof {
    const tokenBytes = bytesOf(proof.token);
    const { token, body, mac } = decodeChallengeToken(tokenBytes);
    const solutions = decodeSolutions(proof.solutions);
    if (!timingSafeEqual(mac, this.#macOf(body))) throw new ProtocolError('challenge-invalid', 'token is not ours');
    return { token, tokenBytes, solutions };
  }

  #nowS(): number {
    return Math.floor(this.#now() / 1000);
  }

  #macOf(body: Uint8Array): Uint8Array {
    const mac = createHmac('sha256', this.#macKey).update(utf8('jaycloud/1/pow-token\0')).update(body).digest();
    return mac.subarray(0, challengeMacBytes);
  }
}
