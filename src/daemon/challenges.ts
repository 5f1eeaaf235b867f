// Issues challenges and redeems solved ones (docs/proof-of-work.md, "Checking"). Stateless but for one bit a challenge:
// the token carries the rest under a MAC. Everything here is synchronous, so no two redemptions can cross.
import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { fromBase64, toBase64, utf8 } from '../protocol/bytes.js';
import {
  type Budget,
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
import type { CreateChallengeResponse, Proof, Purpose } from '../protocol/messages.js';
import { challengeSeed, decodeSolutions, expectedAttempts } from '../protocol/proof-of-work.js';
import { checkWork, sampleSolutions } from './check-work.js';
import type { PriceSource } from './prices.js';
import { ReplayWindow, replayWindowNumbers } from './replay-window.js';

/** A challenge lives six times as long as a machine of this many attempts a second needs, within bounds. */
const referenceAttemptsPerSecond = 100;
const challengeLifetimeMinS = 120;
const challengeLifetimeMaxS = 600;

const noBudget: Budget = { bytes: 0, blobs: 0, ids: 0 };
const noBinding = new Uint8Array(challengeBindingBytes);

interface ChallengeRequest {
  readonly purpose: Purpose;
  /** Of the caller; absent for register and login. */
  readonly accountId?: string;
  /** `challengeBinding` for register and login; absent otherwise. */
  readonly binding?: Uint8Array;
}

export interface ExpectedChallenge {
  /** Any of these will do. */
  readonly purposes: readonly Purpose[];
  readonly accountId?: string;
  readonly binding?: Uint8Array;
}

interface RedeemedChallenge {
  readonly purpose: Purpose;
  readonly budget: Budget;
}

export interface Challenges {
  /** Throws ProtocolError `rate-limited` when too many challenges are open. */
  issue(request: ChallengeRequest): CreateChallengeResponse;
  /**
   * Checks a proof and uses its challenge up. Throws ProtocolError `malformed`, `challenge-invalid`,
   * `challenge-expired`, `challenge-spent` or `proof-insufficient`. Once the token is known to be ours and in time it
   * is used up whatever follows: a wrong proof has one try.
   */
  redeem(proof: Proof, expected: ExpectedChallenge): RedeemedChallenge;
}

interface ChallengesOptions {
  /** Secret of the daemon, the same after a restart. */
  readonly masterKey: Uint8Array;
  readonly prices: PriceSource;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly replica?: number;
  /** For tests; random otherwise, as it must be. */
  readonly epoch?: number;
  /** Size of the replay window, for tests. */
  readonly windowNumbers?: number;
}

function subjectOf(accountId: string | undefined): Uint8Array {
  if (accountId === undefined) return new Uint8Array(challengeSubjectBytes);
  const digest = createHash('sha256').update('jaycloud/1/pow-subject\0').update(accountId).digest();
  return new Uint8Array(digest.subarray(0, challengeSubjectBytes));
}

function budgetOf(purpose: Purpose): Budget {
  return purpose === 'upload' || purpose === 'query' ? grantBudgets[purpose] : noBudget;
}

function lifetimeS(attempts: number): number {
  const wanted = Math.ceil((6 * attempts) / referenceAttemptsPerSecond);
  return Math.min(Math.max(wanted, challengeLifetimeMinS), challengeLifetimeMaxS);
}

function tokenBytes(text: string): Uint8Array {
  if (text.length !== Math.ceil((challengeTokenBytes * 4) / 3)) {
    throw new ProtocolError('challenge-invalid', 'token has the wrong length');
  }
  return fromBase64(text);
}

/** Every start has a random epoch: challenges of the run before end with it. */
export function createChallenges(options: ChallengesOptions): Challenges {
  const { masterKey, prices, now, replica = 0 } = options;
  const macKey = new Uint8Array(hkdfSync('sha256', masterKey, '', 'jaycloud/1/pow-token', 32));
  const sampleKey = randomBytes(32);
  const epoch = options.epoch ?? randomBytes(4).readUInt32BE();
  const window = new ReplayWindow(options.windowNumbers ?? replayWindowNumbers);

  const macOf = (body: Uint8Array): Uint8Array =>
    createHmac('sha256', macKey)
      .update(utf8('jaycloud/1/pow-token\0'))
      .update(body)
      .digest()
      .subarray(0, challengeMacBytes);

  return {
    issue: ({ purpose, accountId, binding }) => {
      const nowMs = now();
      const { puzzles, effort256 } = prices(purpose, nowMs);
      const attempts = expectedAttempts(puzzles, effort256);
      const issuedAtS = Math.floor(nowMs / 1000);
      const expiresAtS = issuedAtS + lifetimeS(attempts);
      const body = encodeChallengeBody({
        purpose,
        puzzles,
        effort256,
        issuedAtS,
        lifetimeS: expiresAtS - issuedAtS,
        replica,
        epoch,
        seq: window.take(expiresAtS, issuedAtS),
        subject: subjectOf(accountId),
        binding: binding ?? noBinding,
        budget: budgetOf(purpose),
        salt: randomBytes(challengeSaltBytes),
      });
      return {
        token: toBase64(Buffer.concat([body, macOf(body)])),
        algorithm: 'eq60',
        puzzles,
        effort256,
        expectedAttempts: attempts,
        expiresAt: new Date(expiresAtS * 1000).toISOString(),
      };
    },

    redeem: (proof, { purposes, accountId, binding }) => {
      const bytes = tokenBytes(proof.token);
      const { token, body, mac } = decodeChallengeToken(bytes);
      const solutions = decodeSolutions(proof.solutions);
      if (!timingSafeEqual(mac, macOf(body))) throw new ProtocolError('challenge-invalid', 'token is not ours');
      if (token.epoch !== epoch || token.replica !== replica || now() / 1000 >= token.issuedAtS + token.lifetimeS) {
        throw new ProtocolError('challenge-expired', 'the challenge has expired');
      }
      window.claim(token.seq);
      if (
        !purposes.includes(token.purpose) ||
        !timingSafeEqual(token.subject, subjectOf(accountId)) ||
        !timingSafeEqual(token.binding, binding ?? noBinding)
      ) {
        throw new ProtocolError('challenge-invalid', 'the challenge is for something else');
      }
      checkWork(token, challengeSeed(bytes), solutions, sampleSolutions(solutions, sampleKey, proof));
      return { purpose: token.purpose, budget: token.budget };
    },
  };
}
