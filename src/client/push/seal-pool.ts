// The sealing threads as a push sees them: files go in, runs of blobs and finished files come out.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ClientError } from '../errors.js';
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
/** Batches queued on one thread: one at work, one waiting. */
const batchesPerThread = 2;
const threadsMax = 8;

export interface SealPoolEvents {
  /** Must settle when the receiver has room again; a rejection ends the pool. */
  readonly onRun: (run: SealedRun) => Promise<void>;
  readonly onFiles: (files: readonly (SealedFile | FailedFile)[]) => void;
}

interface Thread {
  readonly worker: Worker;
  batches: number;
}

export class SealPool {
  readonly #threads: Thread[] = [];
  readonly #setup: WorkerSetup;
  readonly #events: SealPoolEvents;
  readonly #threadCount: number;
  #batch: FileJob[] = [];
  #batchBytes = 0;
  #failure: Error | undefined;
  #wake: (() => void)[] = [];
  #closing = false;

  constructor(setup: WorkerSetup, events: SealPoolEvents, threads = Math.min(availableParallelism(), threadsMax)) {
    this.#setup = setup;
    this.#events = events;
    this.#threadCount = Math.max(1, threads);
  }

  /** Queues a file; waits while every thread has enough to do. */
  async add(job: FileJob, sizeBytes: number): Promise<void> {
    this.#batch.push(job);
    this.#batchBytes += sizeBytes;
    if (this.#batch.length >= batchFilesMax || this.#batchBytes >= batchBytesMax) await this.dispatch();
  }

  /** Hands the files queued so far to a thread. */
  async dispatch(): Promise<void> {
    if (this.#batch.length === 0) return;
    const files = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const thread = this.#freeThread();
      if (thread !== undefined) {
        thread.batches += 1;
        send(thread.worker, { type: 'files', jobs: encodeJobs(files) });
        return;
      }
      await this.#change();
    }
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
    const worker = new Worker(new URL('./seal-worker.js', import.meta.url), { workerData: this.#setup });
    const thread: Thread = { worker, batches: 0 };
    worker.on('message', (message: FromWorker) => {
      this.#receive(thread, message);
    });
    worker.on('error', (cause) => {
      this.#fail(new ClientError('failed', `a sealing thread failed: ${cause.message}`, undefined, { cause }));
    });
    worker.on('exit', () => {
      if (!this.#closing) this.#fail(new ClientError('failed', 'a sealing thread ended too early'));
    });
    this.#threads.push(thread);
    return thread;
  }

  #receive(thread: Thread, message: FromWorker): void {
    switch (message.type) {
      case 'run': {
        const bytes = message.run.bytes.length;
        this.#events.onRun(message.run).then(
          () => {
            send(thread.worker, { type: 'room', bytes });
          },
          (error: unknown) => {
            this.#fail(error instanceof Error ? error : new Error(String(error)));
          },
        );
        return;
      }
      case 'sealed':
        this.#events.onFiles([...decodeFiles(message.files), ...message.failed]);
        return;
      case 'idle':
        thread.batches -= 1;
        this.#notify();
        return;
    }
  }

  #fail(error: Error): void {
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

function send(worker: Worker, message: ToWorker): void {
  worker.postMessage(message);
}
