// Pays for challenges (docs/proof-of-work.md, "Solving"): says the price before it is paid, refuses one above the user's
// limit, bids more where others do, counts what was spent.
import { setTimeout as sleep } from 'node:timers/promises';
import { ProtocolError, type Retry } from '../protocol/errors.js';
import type { CreateChallengeRequest, CreateChallengeResponse, Proof } from '../protocol/messages.js';
import { encodeRecords, puzzlesMax } from '../protocol/proof-of-work.js';
import type { DaemonApi } from './daemon-api.js';
import { ClientError } from './errors.js';
import { createSolver, type Solver } from './solver.js';

/** Seconds of a thread per attempt on a slow core: the guess before anything was measured here. */
const slowAttemptSeconds = 0.02;
/** So many attempts make a measurement. */
const measuredAttemptsMin = 16;
/** Below this price nobody wants to read about it. */
const quietSeconds = 1;
/** A token that a restart or its age has made worthless is bought again this often. */
const challengeTriesMax = 3;
/** Each round of bidding starts here: no round makes so many attempts. */
const roundAttempts = 2 ** 20;
const roundsMax = 1000;
/** A daemon whose clock is wrong must not make anybody wait for ever, or ask without a pause. */
const waitMsMin = 250;
const waitMsMax = 60_000;

export interface SolverSettings {
  /** `--pow-max`: the most seconds that one challenge may be expected to take. */
  readonly secondsMax: number;
  readonly onPrice: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** Sends the proof, with the ticket of the refusal before; throws ProtocolError `not-admitted` where it must come again. */
export type Redeem<T> = (proof: Proof, ticket: string | undefined) => Promise<T>;

export class PaidSolver {
  readonly #settings: SolverSettings;
  #solver: Solver | undefined;
  attempts = 0;
  /** Wall-clock seconds with a solver at work; solves beside each other count each. */
  seconds = 0;
  /** The same for each thread. */
  #threadSeconds = 0;

  constructor(settings: SolverSettings) {
    this.#settings = settings;
  }

  /**
   * Gets a challenge, solves it and redeems it. Throws ClientError `refused` where it would cost more than the user allows,
   * and whatever `redeem` throws.
   */
  async pay<T>(api: DaemonApi, request: CreateChallengeRequest, redeem: Redeem<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const challenge = await api.createChallenge(request);
      try {
        return await this.#payOne(api, challenge, redeem);
      } catch (error) {
        const isStale =
          error instanceof ProtocolError && (error.code === 'challenge-expired' || error.code === 'challenge-spent');
        if (!isStale || attempt === challengeTriesMax) throw error;
      }
    }
  }

  async close(): Promise<void> {
    await this.#solver?.close();
  }

  async #payOne<T>(api: DaemonApi, challenge: CreateChallengeResponse, redeem: Redeem<T>): Promise<T> {
    this.#checkPrice(challenge);
    const startedMs = performance.now();
    const records = [...(await this.#solve(challenge, {}))];
    let ticket: string | undefined;
    for (let round = 1; ; round += 1) {
      try {
        return await redeem({ token: challenge.token, solutions: encodeRecords(records) }, ticket);
      } catch (error) {
        if (!(error instanceof ProtocolError) || error.retry === undefined || round === roundsMax) throw error;
        ticket = error.retry.ticket;
        records.push(...(await this.#bidMore(api, challenge, { retry: error.retry, round, records, startedMs })));
      }
    }
  }

  /** More sub-solutions of the same challenge until it may come again: nothing that was solved is lost. */
  async #bidMore(
    api: DaemonApi,
    challenge: CreateChallengeResponse,
    bid: {
      readonly retry: Retry;
      readonly round: number;
      readonly records: readonly Uint8Array[];
      readonly startedMs: number;
    },
  ): Promise<readonly Uint8Array[]> {
    const { signal, secondsMax, onPrice } = this.#settings;
    const untilMs = Date.parse(bid.retry.notBefore) - api.nowMs();
    // The daemon's clock is known to the second.
    const waitMs = Math.min(Math.max(untilMs, 0) + 1000, waitMsMax) * (1 + Math.random() / 10) + waitMsMin;
    const spentSeconds = (performance.now() - bid.startedMs) / 1000;
    if (spentSeconds + waitMs / 1000 > secondsMax) {
      throw new ClientError(
        'refused',
        `the daemon is under load: ${spentSeconds.toFixed(0)} s of proof of work were not enough, and --pow-max is ${String(secondsMax)} s`,
        'try later, or allow more with --pow-max SECONDS',
      );
    }
    onPrice(`the daemon is under load: it admits us no sooner than in ${(waitMs / 1000).toFixed(0)} s`);
    const until = performance.now() + waitMs;
    const count = puzzlesMax - bid.records.length;
    const found =
      count === 0 || challenge.puzzles === 0
        ? []
        : await this.#solve(challenge, { count, firstAttempt: bid.round * roundAttempts, forMs: waitMs });
    await sleep(Math.max(0, until - performance.now()), undefined, signal === undefined ? {} : { signal });
    return found;
  }

  async #solve(
    challenge: CreateChallengeResponse,
    options: { readonly count?: number; readonly firstAttempt?: number; readonly forMs?: number },
  ): Promise<readonly Uint8Array[]> {
    const { signal } = this.#settings;
    const { attempts, seconds, threads, records } = await this.#threads.solve(challenge, {
      ...options,
      ...(signal && { signal }),
    });
    this.attempts += attempts;
    this.seconds += seconds;
    this.#threadSeconds += seconds * threads;
    return records;
  }

  get #threads(): Solver {
    this.#solver ??= createSolver({});
    return this.#solver;
  }

  #checkPrice({ expectedAttempts }: CreateChallengeResponse): void {
    const isMeasured = this.attempts >= measuredAttemptsMin;
    const attemptSeconds = isMeasured ? this.#threadSeconds / this.attempts : slowAttemptSeconds;
    const price = (expectedAttempts * attemptSeconds) / this.#threads.threadsFor(expectedAttempts);
    if (price > this.#settings.secondsMax) {
      throw new ClientError(
        'refused',
        `the daemon asks for about ${price.toFixed(price < 10 ? 1 : 0)} s of proof of work, more than ${String(this.#settings.secondsMax)} s`,
        'allow more with --pow-max SECONDS, or try later: the price follows the load of the daemon',
      );
    }
    if (price >= quietSeconds) this.#settings.onPrice(`proof of work: about ${price.toFixed(0)} s`);
  }
}
