// What routes ask of admission, and its simple form: every price is fixed and every right proof is admitted at once.
import type { CreateChallengeResponse, Proof } from '../../protocol/messages.js';
import type { Challenges, RedeemedChallenge } from '../challenges.js';
import { freePrice, type Price, type PriceRequest, priceOf } from './prices.js';
import type { Applicant } from './surcharges.js';

export interface Application extends Applicant {
  /** `challengeBinding` for register and login. */
  readonly binding?: Uint8Array | undefined;
  /** True once nobody waits for the answer any more: the proof is left alone then, and may come again. */
  readonly isGone?: () => boolean;
}

export interface Admission {
  /** Throws ProtocolError `rate-limited` when too many challenges are open. */
  issue(application: Application, units: number): CreateChallengeResponse;
  /** For the ticket header of a request, before its body is read. Throws ProtocolError `not-admitted` or `malformed`. */
  turnAway(ticket: string | undefined): void;
  /** What can be said of a proof before its sender is looked up: throws as `admit` does where the token is not ours. */
  screen(proof: Proof): void;
  /**
   * Resolves when it is the proof's turn. Throws ProtocolError as `Challenges` do, `not-admitted` where others bid more,
   * `rate-limited` where the account has failed too often. Each purpose of `application` that the token may have is fine.
   */
  admit(proof: Proof, application: Application): Promise<RedeemedChallenge>;
  /** A login counts as failed until it has succeeded: who guesses passwords need not come back. */
  loginStarted(application: Application): void;
  loginSucceeded(application: Application): void;
  /** True where the account has lately sent a wrong proof. */
  hasStrike(account: string): boolean;
  close(): void;
}

/** Upload and query grants come from one endpoint, so either will do there. */
export function purposesOf({ purpose }: Application): readonly Application['purpose'][] {
  return purpose === 'upload' || purpose === 'query' ? ['upload', 'query'] : [purpose];
}

type FixedPrice = (request: PriceRequest) => Price;

/** Everybody pays the floor, always. */
export const floorPrice: FixedPrice = (request) => priceOf({ ...request, factor: 1, surcharge: 1 });
/** Nobody pays. */
export const noPrice: FixedPrice = () => freePrice;

export function createFixedAdmission(challenges: Challenges, price: FixedPrice): Admission {
  return {
    issue: (application, units) => {
      const { purpose, tier, account, binding } = application;
      const request = { purpose, tier, units, factor: 1, surcharge: 1 };
      return challenges.issue({ purpose, tier, price: price(request), units, accountId: account, binding });
    },
    turnAway: (ticket) => {
      challenges.turnAway(ticket);
    },
    screen: (proof) => {
      challenges.screen(proof);
    },
    admit: (proof, application) => {
      const { account, binding } = application;
      const open = challenges.open(proof, { purposes: purposesOf(application), accountId: account, binding });
      challenges.check(open);
      return Promise.resolve(challenges.claim(open));
    },
    loginStarted: () => undefined,
    loginSucceeded: () => undefined,
    hasStrike: () => false,
    close: () => undefined,
  };
}

/**
 * Why a proof was not admitted: others bid more; it waited too long; its account has failed too often; the same challenge
 * came again; its client has gone; the work is wrong; the challenge is spent, expired or not ours; the daemon stops.
 */
export type TurnedAway = 'bid' | 'wait' | 'strikes' | 'repeated' | 'gone' | 'proof' | 'challenge' | 'closing';

/** Told to whoever watches: metrics and the log. */
export interface AdmissionEvents {
  readonly onAdmitted?: (tier: Applicant['tier'], purpose: Applicant['purpose'], waitedMs: number) => void;
  readonly onTurnedAway?: (reason: TurnedAway) => void;
}
