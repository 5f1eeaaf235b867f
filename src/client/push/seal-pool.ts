// The sealing threads as a push sees them: files go in, runs of blobs and finished files come out.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ClientError } from '../errors.js';
import { keepYoungSmallBeside, threadMemory } from '../thread-memory.js';
import type { RecordRun } from './blob-sender.js';
import {
  decodeFiles,
  encodeJobs,
  type FailedFile,
  type FileJob,
  type FromWorker,
  type SealedFile,
  type SealedRun,
  type ToWorker,
  type WorkerSetup,
} from './seal-messages.js';

/** Files handed to a thread at once: enough to hide the hop between threads, few enough to spread the work. */
const batchFilesMax = 256;
const batchBytesMax = 8 * 1024 * 1024;
/** A thread more is started for this much: it takes some tens of milliseconds. */
const startBytesMin = 1024 * 1024;
/** Batches queued on one thread: one at work, one waiting. */
const batchesPerThread = 2;
const threadsMax = 8;
/** All threads together seal this far ahead of the daemon, about 34 MB; each has enough to work while others are sent. */
const nearSlabs = 8;
/** Over a long line as much again: requests under way hold theirs for the time of a round trip and more. */
const farSlabs = 16;
const slabsOfThreadMin = 4;

export interface SealPoolEvents {
  readonly onRun: (run: RecordRun) => void;
  /** Content that threads have got through since the last call; below zero where some is read again or given up. */
  readonly onPassed: (bytes: number) => void;
  /** Whether some thread can go on only when a run is given back. */
  readonly onWaiting: (isWaiting: boolean) => void;
  readonly onFiles: (files: readonly (SealedFile | FailedFile)[]) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly slabs: SharedArrayBuffer[];
  isWaiting: boolean;
  batches: number;
}

export class SealPool {
  readonly #threads: Thread[] = [];
  readonly #domains: WorkerSetup['domains'];
  readonly #events: SealPoolEvents;
  readonly #threadCount: number;
  readonly #slabsOfAll: number;
  #batch: FileJob[] = [];
  #batchBytes = 0;
  #failure: Error | undefined;
  #wake: (() => void)[] = [];
  #closing = false;

  /** `isFar`: what is sealed goes over a long line. */
  constructor(
    domains: WorkerSetup['domains'],
    isFar: boolean,
    events: SealPoolEvents,
    threads = Math.min(availableParallelism(), threadsMax),
  ) {
    this.#domains = domains;
    this.#events = events;
    this.#threadCount = Math.max(1, threads);
    this.#slabsOfAll = isFar ? farSlabs : nearSlabs;
  }

  /** Queues a file; a promise while every thread has enough to do. */
  add(job: FileJob): Promise<void> | undefined {
    this.#batch.push(job);
    this.#batchBytes += job.stat.sizeBytes;
    const isFull = this.#batch.length >= batchFilesMax || this.#batchBytes >= batchBytesMax;
    return isFull ? this.dispatch() : undefined;
  }

  /**
   * Hands over what is queued, however little, where a thread has nothing to do: what is met behind a file waits for it, so
   * a file that has changed among many that have not must not wait for others to fill a batch.
   */
  offer(): void {
    if (this.#batch.length === 0 || this.#failure !== undefined) return;
    const mayStart =
      this.#threads.length === 0 || (this.#batchBytes >= startBytesMin && this.#threads.length < this.#threadCount);
    const thread = this.#threads.find(({ batches }) => batches === 0) ?? (mayStart ? this.#start() : undefined);
    if (thread !== undefined) handOver(thread, this.#takeBatch());
  }

  /** Hands the files queued so far to a thread. */
  async dispatch(): Promise<void> {
    if (this.#batch.length === 0) return;
    const files = this.#takeBatch();
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const thread = this.#freeThread();
      if (thread !== undefined) {
        handOver(thread, files);
        return;
      }
      await this.#change();
    }
  }

  #takeBatch(): FileJob[] {
    const files = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    return files;
  }

  /** Resolves when every queued file has come out. */
  async drain(): Promise<void> {
    await this.dispatch();
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#threads.every((thread) => thread.batches === 0)) return;
      await this.#change();
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#threads.map((thread) => thread.worker.terminate()));
  }

  #freeThread(): Thread | undefined {
    // Threads start when there is work for them: a push of one small file needs one.
    const idle = this.#threads.find((thread) => thread.batches === 0);
    if (idle !== undefined) return idle;
    if (this.#threads.length < this.#threadCount) return this.#start();
    const least = this.#threads.reduce((a, b) => (b.batches < a.batches ? b : a));
    return least.batches < batchesPerThread ? least : undefined;
  }

  #start(): Thread {
    const slabsMax = Math.max(slabsOfThreadMin, Math.floor(this.#slabsOfAll / this.#threadCount));
    const workerData: WorkerSetup = { domains: this.#domains, slabsMax };
    const worker = new Worker(new URL('./seal-worker.js', import.meta.url), {
      workerData,
      resourceLimits: threadMemory,
    });
    keepYoungSmallBeside(worker);
    const thread: Thread = { worker, slabs: [], isWaiting: false, batches: 0 };
    worker.on('message', (message: FromWorker) => {
      this.#receive(thread, message);
    });
    worker.on('error', (cause) => {
      this.fail(new ClientError('failed', `a sealing thread failed: ${cause.message}`, undefined, { cause }));
    });
    worker.on('exit', () => {
      if (!this.#closing) this.fail(new ClientError('failed', 'a sealing thread ended too early'));
    });
    this.#threads.push(thread);
    return thread;
  }

  #receive(thread: Thread, message: FromWorker): void {
    switch (message.type) {
      case 'run':
        this.#events.onRun(readRun(thread, message.run));
        return;
      case 'passed':
        this.#events.onPassed(message.bytes);
        return;
      case 'waiting':
        thread.isWaiting = message.isWaiting;
        this.#events.onWaiting(this.#threads.some(({ isWaiting }) => isWaiting));
        return;
      case 'sealed':
        this.#events.onFiles([...decodeFiles(message.files), ...message.failed]);
        return;
      case 'idle':
        thread.batches -= 1;
        this.#notify();
        return;
    }
  }

  /** Ends the pool: whoever waits for it, now or later, gets the error. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#notify();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.push(resolve);
    });
  }

  #notify(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const resolve of waiting) resolve();
  }
}

function readRun({ worker, slabs }: Thread, run: SealedRun): RecordRun {
  const { slab, fromByte, toByte, rawLengths } = run;
  if (run.memory !== undefined) slabs[slab] = run.memory;
  const memory = slabs[slab];
  if (memory === undefined) throw new Error('a thread sealed into memory that it does not share');
  return {
    bytes: new Uint8Array(memory, fromByte, toByte - fromByte),
    rawLengths,
    giveBack: () => {
      send(worker, { type: 'give-back', slab });
    },
  };
}

function handOver(thread: Thread, files: readonly FileJob[]): void {
  thread.batches += 1;
  send(thread.worker, { type: 'files', jobs: encodeJobs(files) });
}

function send(worker: Worker, message: ToWorker): void {
  worker.postMessage(message);
}
