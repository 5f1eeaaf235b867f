// Blob ids met lately. A large push meets hundreds of thousands: as strings in a Set they would take more than twice the memory,
// all of it on a heap that is looked through again and again.
import { blobIdBytes } from '../../protocol/limits.js';

/** Open addressing at a load of at most one half; ids are hashes, so a part of one is a place. */
class Generation {
  readonly #ids: Uint8Array;
  /** Number of an id plus one; zero where there is none. */
  readonly #slots: Uint32Array;
  #count = 0;

  constructor(idsMax: number) {
    this.#ids = new Uint8Array(idsMax * blobIdBytes);
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(2 * idsMax)));
  }

  get isFull(): boolean {
    return this.#count * blobIdBytes === this.#ids.length;
  }

  has(id: Uint8Array): boolean {
    return this.#slots[this.#slotOf(id)] !== 0;
  }

  /** The id is not there yet, and there is room for it. */
  add(id: Uint8Array): void {
    this.#ids.set(id, this.#count * blobIdBytes);
    this.#count += 1;
    this.#slots[this.#slotOf(id)] = this.#count;
  }

  clear(): void {
    this.#slots.fill(0);
    this.#count = 0;
  }

  /** Where the id stands, or the empty slot where it would. */
  #slotOf(id: Uint8Array): number {
    const mask = this.#slots.length - 1;
    const word = ((id[0] ?? 0) | ((id[1] ?? 0) << 8) | ((id[2] ?? 0) << 16) | ((id[3] ?? 0) << 24)) >>> 0;
    for (let slot = word & mask; ; slot = (slot + 1) & mask) {
      const number = this.#slots[slot] ?? 0;
      if (number === 0 || this.#isAt((number - 1) * blobIdBytes, id)) return slot;
    }
  }

  #isAt(from: number, id: Uint8Array): boolean {
    for (let at = 0; at < blobIdBytes; at += 1) if (this.#ids[from + at] !== id[at]) return false;
    return true;
  }
}

export class RecentIds {
  #young: Generation | undefined;
  #old: Generation | undefined;
  readonly #idsMin: number;

  /** At least the latest `idsMin` ids are known, at most twice as many. */
  constructor(idsMin: number) {
    this.#idsMin = idsMin;
  }

  /** False where the id is among the latest. It is from now on. */
  add(id: Uint8Array): boolean {
    if (this.#young?.has(id) === true || this.#old?.has(id) === true) return false;
    this.#young ??= new Generation(this.#idsMin);
    this.#young.add(id);
    if (this.#young.isFull) {
      // The oldest go all at once: a table from which they are taken one by one is full of holes.
      [this.#young, this.#old] = [this.#old, this.#young];
      this.#young?.clear();
    }
    return true;
  }
}
