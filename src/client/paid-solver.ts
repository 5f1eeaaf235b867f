// Pays for challenges: says the price before it is paid, refuses one above the user's limit, counts what was spent.
import type { CreateChallengeRequest, CreateChallengeResponse, Proof } from '../protocol/messages.js';
import type { DaemonApi } from './daemon-api.js';
import { ClientError } from './errors.js';
import { createSolver, type Solver } from './solver.js';

/** Seconds of CPU per attempt on a slow core: the guess before anything was measured here. */
const slowAttemptSeconds = 0.02;
/** Below this price nobody wants to read about it. */
const quietSeconds = 1;

export interface SolverSettings {
  /** `--pow-max`: the most seconds that one challenge may be expected to take. */
  readonly secondsMax: number;
  readonly onPrice: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

export class PaidSolver {
  readonly #settings: SolverSettings;
  #solver: Solver | undefined;
  attempts = 0;
  /** Wall-clock seconds with a solver at work; solves beside each other count each. */
  seconds = 0;

  constructor(settings: SolverSettings) {
    this.#settings = settings;
  }

  /** Gets a challenge and solves it; throws ClientError `refused` where it would cost more than the user allows. */
  async pay(api: DaemonApi, request: CreateChallengeRequest): Promise<Proof> {
    const challenge = await api.createChallenge(request);
    this.#checkPrice(challenge);
    this.#solver ??= createSolver({});
    const signal = this.#settings.signal;
    const solved = await this.#solver.solve(challenge, signal === undefined ? {} : { signal });
    this.attempts += solved.attempts;
    this.seconds += solved.seconds;
    return { token: challenge.token, solutions: solved.solutions };
  }

  async close(): Promise<void> {
    await this.#solver?.close();
  }

  #checkPrice(challenge: CreateChallengeResponse): void {
    const attemptSeconds = this.attempts < 16 ? slowAttemptSeconds / 2 : this.seconds / this.attempts;
    const price = challenge.expectedAttempts * attemptSeconds;
    if (price > this.#settings.secondsMax) {
      throw new ClientError(
        'refused',
        `the daemon asks for about ${price.toFixed(0)} s of proof of work, more than ${String(this.#settings.secondsMax)} s`,
        'it is under load: try later, or allow more with --pow-max SECONDS',
      );
    }
    if (price >= quietSeconds) this.#settings.onPrice(`proof of work: about ${price.toFixed(0)} s`);
  }
}
