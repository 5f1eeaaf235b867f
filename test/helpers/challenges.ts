// Challenges at a price that a test chooses, redeemed in one step as an admission without a queue does.
import type { Price } from '../../src/daemon/admission/prices.js';
import { createLocalReplay, type ReplayOptions, type ReplayStore } from '../../src/daemon/admission/replay-store.js';
import {
  type ChallengeRequest,
  type Challenges,
  createChallenges,
  type ExpectedChallenge,
  type RedeemedChallenge,
} from '../../src/daemon/challenges.js';
import type { CreateChallengeResponse, Proof } from '../../src/protocol/messages.js';

export type TestPrice = Omit<Price, 'floorAttempts'> & Partial<Price>;

export interface TestChallengesOptions extends ReplayOptions {
  readonly price: TestPrice;
  readonly now?: () => number;
  readonly masterKey?: Uint8Array;
  readonly replay?: ReplayStore;
}

export interface TestChallenges {
  readonly whole: Challenges;
  issue(
    request: Omit<ChallengeRequest, 'tier' | 'price' | 'units'> & Partial<ChallengeRequest>,
  ): CreateChallengeResponse;
  redeem(proof: Proof, expected: ExpectedChallenge): RedeemedChallenge;
}

export function startChallenges(options: TestChallengesOptions): TestChallenges {
  const { price, now = Date.now, masterKey = new Uint8Array(32) } = options;
  const whole = createChallenges({ masterKey, replay: options.replay ?? createLocalReplay(options), now });
  return {
    whole,
    issue: (request) => {
      const usual = { tier: 'new', units: 1, price: { floorAttempts: 8, ...price } } as const;
      return whole.issue({ ...usual, ...request });
    },
    redeem: (proof, expected) => {
      const open = whole.open(proof, expected);
      whole.check(open);
      return whole.claim(open);
    },
  };
}
