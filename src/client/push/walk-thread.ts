// A walk in a thread of its own, so that looking at files and everything else of a push go on side by side.
import { Worker } from 'node:worker_threads';
import { ClientError } from '../errors.js';
import { keepYoungSmallBeside } from '../thread-memory.js';
import type { FoundSources } from './walk.js';
import { type FromWalker, type WalkBatch, WalkedRows, type WalkSetup } from './walk-messages.js';

export class WalkThread {
  readonly #worker: Worker;
  readonly #ahead = new Int32Array(new SharedArrayBuffer(4));
  readonly #batches: WalkBatch[] = [];
  #isOver = false;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  /** The walk begins at once. Call `close` in any case. */
  constructor({ sources, leftOut }: FoundSources) {
    const workerData: WalkSetup = { found: { sources, leftOut }, ahead: this.#ahead };
    this.#worker = new Worker(new URL('./walk-worker.js', import.meta.url), { workerData });
    keepYoungSmallBeside(this.#worker);
    this.#worker.on('message', (message: FromWalker) => {
      if (message.type === 'batch') this.#batches.push(message.batch);
      else this.#isOver = true;
      this.#wake();
    });
    this.#worker.on('error', (cause) => {
      this.#fail(new ClientError('failed', `the walking thread failed: ${cause.message}`, undefined, { cause }));
    });
    this.#worker.on('exit', () => {
      if (!this.#isOver) this.#fail(new ClientError('failed', 'the walking thread ended too early'));
    });
  }

  /** What `walk` yields: entries in its order, and what is none of them with its neighbours. */
  async *batches(): AsyncGenerator<WalkedRows> {
    for (;;) {
      const batch = this.#batches.shift();
      if (batch !== undefined) {
        Atomics.sub(this.#ahead, 0, 1);
        Atomics.notify(this.#ahead, 0);
        yield new WalkedRows(batch);
      } else if (this.#failure !== undefined) {
        throw this.#failure;
      } else if (this.#isOver) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}
