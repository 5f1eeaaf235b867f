// Transactions of requests that are ready at the same time, committed together: one sync of the disk for all of them, during
// which the event loop can do nothing else (docs/storage.md, "Write order").
import type { Database, Queries } from './db/connection.js';
import type { WorkMeter } from './work-meter.js';

interface Waiting {
  run(tx: Queries): void;
  /** After the commit: what `run` came to. */
  settle(): void;
  fail(error: unknown): void;
}

export class GroupCommit {
  readonly #database: Database;
  readonly #meter: WorkMeter;
  #waiting: Waiting[] = [];

  constructor(database: Database, meter: WorkMeter) {
    this.#database = database;
    this.#meter = meter;
  }

  /**
   * Runs `work` soon, behind what came earlier, and resolves when it is committed. When it throws, it leaves no trace and the
   * others of its group are committed all the same.
   */
  run<T>(work: (tx: Queries) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let settle = (): void => undefined;
      this.#waiting.push({
        run: (tx) => {
          const result = work(tx);
          settle = () => {
            resolve(result);
          };
        },
        settle: () => {
          settle();
        },
        fail: reject,
      });
      // Behind all that the sockets have brought in this turn of the loop.
      if (this.#waiting.length === 1) {
        setImmediate(() => {
          this.#meter.onLoop(() => {
            this.#commit();
          });
        });
      }
    });
  }

  #commit(): void {
    const group = this.#waiting;
    this.#waiting = [];
    const done = new Set<Waiting>();
    try {
      this.#database.transaction(() => {
        for (const one of group) {
          try {
            // Within the other one this is a savepoint.
            this.#database.transaction((tx) => {
              one.run(tx);
            });
            done.add(one);
          } catch (error) {
            one.fail(error);
            // A full disk, for instance, has rolled back everything: nobody may be told that it was done.
            if (!this.#database.isInTransaction()) throw error;
          }
        }
      });
    } catch (error) {
      for (const one of group) one.fail(error);
      return;
    }
    for (const one of done) one.settle();
  }
}
