// Memory that answers of the daemon are fetched into and restoring threads read from: a fixed number of slabs, used again and
// again, so that a pull of any size needs no more and leaves no garbage.

export class FetchSlabs {
  /** How many there are, at most. */
  readonly count: number;
  readonly #slabBytes: number;
  readonly #free: SharedArrayBuffer[] = [];
  readonly #line: ((slab: SharedArrayBuffer) => void)[] = [];
  #made = 0;

  constructor(count: number, slabBytes: number) {
    this.count = count;
    this.#slabBytes = slabBytes;
  }

  /** A slab for the caller alone until `giveBack`; waits in line where all are taken. */
  take(): Promise<SharedArrayBuffer> {
    const free = this.#free.pop();
    if (free !== undefined) return Promise.resolve(free);
    if (this.#made < this.count) {
      this.#made += 1;
      return Promise.resolve(new SharedArrayBuffer(this.#slabBytes));
    }
    return new Promise((resolve) => {
      this.#line.push(resolve);
    });
  }

  giveBack(slab: SharedArrayBuffer): void {
    const next = this.#line.shift();
    if (next === undefined) this.#free.push(slab);
    else next(slab);
  }
}
