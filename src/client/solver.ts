// Solves challenges on worker threads (docs/proof-of-work.md, "Solving"), beside whatever the push does meanwhile.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { fromBase64 } from '../protocol/bytes.js';
import type { CreateChallengeResponse } from '../protocol/messages.js';
import { challengeSeed, encodeRecords } from '../protocol/proof-of-work.js';
import { ClientError } from './errors.js';
import { attemptsSlot, type SolverFind, type SolverJob, stopSlot } from './solver-messages.js';
import { keepYoungSmallBeside, threadMemory } from './thread-memory.js';

/** More threads than this only take the processor from the push itself. */
const threadsMax = 4;
/**
 * A thread for fewer attempts than this, half a second, is not worth the 15 MB that it takes: what a push buys ahead is no dearer, and
 * its sealing threads keep the processor busy meanwhile.
 */
const attemptsPerThread = 64;

export interface SolveOptions {
  readonly signal?: AbortSignal;
  /** How many sub-solutions to find; those that the challenge asks for without it. */
  readonly count?: number;
  /** Attempts before this one were made by an earlier call for the same challenge. */
  readonly firstAttempt?: number;
  /** Stop then with what was found; milliseconds from now. */
  readonly forMs?: number;
  /** Called for every find: sub-solutions so far, how many are needed, attempts made so far. */
  readonly onProgress?: (found: number, needed: number, attempts: number) => void;
}

export interface SolvedChallenge {
  /** The `solutions` field of a proof with these records alone. */
  readonly solutions: string;
  /** Records of the wire form, in no order; fewer than asked for where the time was up. */
  readonly records: readonly Uint8Array[];
  readonly attempts: number;
  readonly seconds: number;
  /** How many worked on it. */
  readonly threads: number;
}

/** Keeps its threads for later challenges; idle threads do not hold the process. */
export interface Solver {
  /** Throws ClientError `interrupted` when aborted and `failed` when a thread is lost or the solver is closed. */
  solve(challenge: CreateChallengeResponse, options?: SolveOptions): Promise<SolvedChallenge>;
  /** How many threads work on a challenge of so many attempts. */
  threadsFor(expectedAttempts: number): number;
  close(): Promise<void>;
}

interface Job {
  readonly onRecords: (records: readonly Uint8Array[]) => void;
  readonly onLost: (error: ClientError) => void;
}

function lostThread(cause?: unknown): ClientError {
  const hint = 'Run the command again; if it happens again, this machine may be short of memory.';
  return new ClientError('failed', 'a proof-of-work thread ended unexpectedly', hint, { cause });
}

class WorkerSolver implements Solver {
  readonly #threads: number;
  #workers: Worker[] = [];
  readonly #jobs = new Map<number, Job>();
  #lastJob = 0;
  #closed = false;

  constructor(threads: number) {
    this.#threads = threads;
  }

  async solve(challenge: CreateChallengeResponse, options: SolveOptions = {}): Promise<SolvedChallenge> {
    const { signal, forMs, count = challenge.puzzles } = options;
    if (this.#closed) throw new ClientError('failed', 'the solver is closed');
    if (signal?.aborted === true) throw new ClientError('interrupted', 'proof of work was interrupted');
    if (challenge.puzzles === 0) return { solutions: '', records: [], attempts: 0, seconds: 0, threads: 0 };
    const startedAt = performance.now();
    const shared = new Int32Array(new SharedArrayBuffer(8));
    this.#lastJob += 1;
    const job = this.#lastJob;
    const listening = new AbortController();
    try {
      const records = await new Promise<readonly Uint8Array[]>((resolve, reject) => {
        const found: Uint8Array[] = [];
        const onRecords = (more: readonly Uint8Array[]): void => {
          found.push(...more);
          options.onProgress?.(Math.min(found.length, count), count, Atomics.load(shared, attemptsSlot));
          if (found.length >= count) resolve(found.slice(0, count));
        };
        this.#jobs.set(job, { onRecords, onLost: reject });
        signal?.addEventListener(
          'abort',
          () => {
            reject(new ClientError('interrupted', 'proof of work was interrupted'));
          },
          { signal: listening.signal },
        );
        if (forMs !== undefined) {
          const timer = setTimeout(() => {
            resolve(found);
          }, forMs);
          listening.signal.addEventListener('abort', () => {
            clearTimeout(timer);
          });
        }
        this.#post(job, challenge, shared, options.firstAttempt ?? 0);
      });
      return {
        solutions: encodeRecords(records),
        records,
        attempts: Atomics.load(shared, attemptsSlot),
        seconds: (performance.now() - startedAt) / 1000,
        threads: this.threadsFor(challenge.expectedAttempts),
      };
    } finally {
      Atomics.store(shared, stopSlot, 1);
      listening.abort();
      this.#jobs.delete(job);
      if (this.#jobs.size === 0) for (const worker of this.#workers) worker.unref();
    }
  }

  threadsFor(expectedAttempts: number): number {
    return Math.min(this.#threads, Math.max(1, Math.ceil(expectedAttempts / attemptsPerThread)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#giveUp(new ClientError('failed', 'the solver is closed'));
  }

  #post(job: number, challenge: CreateChallengeResponse, shared: Int32Array, from: number): void {
    const { effort256, expectedAttempts } = challenge;
    const seed = challengeSeed(fromBase64(challenge.token));
    const stride = this.threadsFor(expectedAttempts);
    while (this.#workers.length < stride) this.#workers.push(this.#startWorker());
    for (const [index, worker] of this.#workers.slice(0, stride).entries()) {
      worker.ref();
      const message: SolverJob = { job, seed, effort256, firstAttempt: from + index, stride, shared };
      worker.postMessage(message);
    }
  }

  #startWorker(): Worker {
    // Nothing of the process is inherited: neither flags, which a file may refuse, nor the environment and its secrets.
    const worker = new Worker(new URL('./solver-worker.js', import.meta.url), {
      execArgv: [],
      env: {},
      resourceLimits: threadMemory,
    });
    keepYoungSmallBeside(worker);
    worker.on('message', (find: SolverFind) => {
      this.#jobs.get(find.job)?.onRecords(find.records);
    });
    const onLost = (cause: unknown): void => {
      if (this.#workers.includes(worker)) void this.#giveUp(lostThread(cause));
    };
    worker.on('error', onLost);
    worker.on('exit', (code) => {
      onLost(new Error(`exit code ${String(code)}`));
    });
    return worker;
  }

  /** Ends all threads and fails what waits for them; the next challenge starts new ones. */
  async #giveUp(error: ClientError): Promise<void> {
    const workers = this.#workers;
    this.#workers = [];
    for (const job of this.#jobs.values()) job.onLost(error);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** `threads` defaults to the cores of the machine, at most four. Threads start with the first challenge. */
export function createSolver(options: { readonly threads?: number } = {}): Solver {
  return new WorkerSolver(Math.max(1, Math.min(options.threads ?? availableParallelism(), threadsMax)));
}
