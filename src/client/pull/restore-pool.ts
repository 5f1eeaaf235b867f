// The restoring threads: each takes one job at a time, jobs wait in line.
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ClientError } from '../errors.js';
import { threadMemory } from '../thread-memory.js';
import type { RestoreAnswer, RestoreJob } from './restore-messages.js';

const threadsMax = 8;
/** Jobs are some megabytes: this is for a disk that hangs. */
const closingMsMax = 5000;

interface Waiting {
  readonly job: RestoreJob;
  readonly preferred: number | undefined;
  readonly resolve: (answer: RestoreAnswer) => void;
  readonly reject: (error: Error) => void;
}

export class RestorePool {
  /** Threads that work at once. */
  readonly threads = Math.max(1, Math.min(availableParallelism(), threadsMax));
  readonly #workers: Worker[] = [];
  readonly #idle: Worker[] = [];
  readonly #line: Waiting[] = [];
  readonly #busy = new Map<Worker, Waiting>();
  #isClosing = false;

  /**
   * The job's slab must not change until the answer. Jobs of one `preferred` number go to one thread where that keeps all of
   * them busy: two threads that write to one file wait for each other.
   */
  run(job: RestoreJob, preferred?: number): Promise<RestoreAnswer> {
    return new Promise((resolve, reject) => {
      this.#line.push({ job, preferred, resolve, reject });
      this.#next();
    });
  }

  /** Starts no more jobs and ends the threads. A job under way is let end: cut short, it would leave a temporary file. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#line.length = 0;
    const limit = AbortSignal.timeout(closingMsMax);
    const answers = [...this.#busy.keys()].map((worker) => once(worker, 'message', { signal: limit }));
    await Promise.allSettled(answers);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #next(): void {
    if (this.#line.length === 0) return;
    const worker = this.#idleWorker(this.#line[0]?.preferred);
    if (worker === undefined) return;
    const own = this.#workers.indexOf(worker);
    const isOwn = ({ preferred }: Waiting) => preferred === undefined || preferred % this.threads === own;
    // Rather another one's job than none.
    const [waiting] = this.#line.splice(Math.max(0, this.#line.findIndex(isOwn)), 1);
    if (waiting === undefined) return;
    this.#busy.set(worker, waiting);
    worker.postMessage(waiting.job);
  }

  #idleWorker(preferred: number | undefined): Worker | undefined {
    const wanted = preferred === undefined ? undefined : this.#workers[preferred % this.threads];
    const at = wanted === undefined ? -1 : this.#idle.indexOf(wanted);
    if (at >= 0) return this.#idle.splice(at, 1)[0];
    return this.#workers.length < this.threads ? this.#start() : this.#idle.pop();
  }

  #start(): Worker {
    // The thread closes files that system calls of its own have opened.
    const options = { trackUnmanagedFds: false, resourceLimits: threadMemory };
    const worker = new Worker(new URL('./restore-worker.js', import.meta.url), options);
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
