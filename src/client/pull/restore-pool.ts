// The restoring threads: each takes one job at a time, jobs wait in line.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ClientError } from '../errors.js';
import type { RestoreAnswer, RestoreJob } from './restore-messages.js';

const threadsMax = 8;

interface Waiting {
  readonly job: RestoreJob;
  readonly resolve: (answer: RestoreAnswer) => void;
  readonly reject: (error: Error) => void;
}

export class RestorePool {
  readonly #threadCount = Math.max(1, Math.min(availableParallelism(), threadsMax));
  readonly #workers: Worker[] = [];
  readonly #idle: Worker[] = [];
  readonly #line: Waiting[] = [];
  readonly #busy = new Map<Worker, Waiting>();
  #isClosing = false;

  /** The blobs' memory moves to the thread. */
  run(job: RestoreJob): Promise<RestoreAnswer> {
    return new Promise((resolve, reject) => {
      this.#line.push({ job, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #next(): void {
    if (this.#line.length === 0) return;
    const worker = this.#idle.pop() ?? (this.#workers.length < this.#threadCount ? this.#start() : undefined);
    if (worker === undefined) return;
    const waiting = this.#line.shift();
    if (waiting === undefined) return;
    this.#busy.set(worker, waiting);
    const memory = new Set<ArrayBuffer>();
    for (const blob of waiting.job.blobs) if (blob?.buffer instanceof ArrayBuffer) memory.add(blob.buffer);
    worker.postMessage(waiting.job, [...memory]);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./restore-worker.js', import.meta.url));
    this.#workers.push(worker);
    worker.on('message', (answer: RestoreAnswer) => {
      this.#busy.get(worker)?.resolve(answer);
      this.#busy.delete(worker);
      this.#idle.push(worker);
      this.#next();
    });
    const fail = (message: string) => {
      if (this.#isClosing) return;
      const error = new ClientError('failed', message);
      for (const { reject } of [...this.#busy.values(), ...this.#line]) reject(error);
      this.#busy.clear();
      this.#line.length = 0;
    };
    worker.on('error', (error) => {
      fail(`a restoring thread failed: ${error.message}`);
    });
    worker.on('exit', () => {
      fail('a restoring thread ended too early');
    });
    return worker;
  }
}
