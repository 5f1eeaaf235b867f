// What paid work costs this daemon (docs/proof-of-work.md, "Capacity"): time on the event loop, time at the disk, and how
// much waits there. Only what a grant was paid for is measured, so that no free request can make admission dearer.

export interface MeteredWork {
  /** Seconds in which paid work had the event loop. */
  readonly loopSeconds: number;
  /** Seconds in which at least one disk operation of paid work was under way. */
  readonly diskSeconds: number;
  /** Mean number of them under way. */
  readonly diskQueue: number;
}

export class WorkMeter {
  #loopMs = 0;
  #diskBusyMs = 0;
  #diskQueueMs = 0;
  #underWay = 0;
  #changedMs = performance.now();
  #takenMs = performance.now();

  /** Synchronous work on the event loop. */
  onLoop<T>(work: () => T): T {
    const startedMs = performance.now();
    try {
      return work();
    } finally {
      this.#loopMs += performance.now() - startedMs;
    }
  }

  async onDisk<T>(work: () => Promise<T>): Promise<T> {
    this.#account();
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#account();
      this.#underWay -= 1;
    }
  }

  /** What was measured since the last call. */
  take(): MeteredWork {
    this.#account();
    const periodMs = Math.max(1, this.#changedMs - this.#takenMs);
    const work = {
      loopSeconds: this.#loopMs / 1000,
      diskSeconds: this.#diskBusyMs / 1000,
      diskQueue: this.#diskQueueMs / periodMs,
    };
    this.#takenMs = this.#changedMs;
    this.#loopMs = 0;
    this.#diskBusyMs = 0;
    this.#diskQueueMs = 0;
    return work;
  }

  #account(): void {
    const nowMs = performance.now();
    const elapsedMs = nowMs - this.#changedMs;
    if (this.#underWay > 0) this.#diskBusyMs += elapsedMs;
    this.#diskQueueMs += this.#underWay * elapsedMs;
    this.#changedMs = nowMs;
  }
}
