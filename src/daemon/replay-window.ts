// Which challenges were redeemed: one bit for each that can still be (docs/proof-of-work.md, "Replay"). Nothing is ever
// evicted while it counts; when there is no room, no new number is given out.
import assert from 'node:assert';
import { ProtocolError } from '../protocol/errors.js';

/** Numbers are released in blocks, each when the last of its challenges has expired. */
export const replayBlockNumbers = 4096;

/**
 * One mebibyte of bits. A challenge lives ten minutes at most, so this is room for 13,900 challenges a second, more
 * than one process can issue.
 */
export const replayWindowNumbers = 2 ** 23;

export class ReplayWindow {
  readonly #bits: Uint8Array;
  /** The latest expiry, in seconds, of each block of numbers, at its place in the ring. */
  readonly #expiries: Float64Array;
  readonly #size: number;
  #first = 0;
  #next = 0;

  /** `sizeNumbers`: a multiple of the block, and the bound of memory: an eighth of a byte each. */
  constructor(sizeNumbers: number) {
    assert(sizeNumbers > 0 && sizeNumbers % replayBlockNumbers === 0);
    this.#size = sizeNumbers;
    this.#bits = new Uint8Array(sizeNumbers / 8);
    this.#expiries = new Float64Array(sizeNumbers / replayBlockNumbers);
  }

  /** The next number, for a challenge that expires at `expiresAtS`. Throws ProtocolError `rate-limited` when full. */
  take(expiresAtS: number, nowS: number): number {
    this.#release(nowS);
    if (this.#next - this.#first >= this.#size) {
      throw new ProtocolError('rate-limited', 'too many challenges are open, try again later');
    }
    const number = this.#next;
    this.#next += 1;
    const block = this.#blockOf(number);
    this.#expiries[block] = Math.max(this.#expiries[block] ?? 0, expiresAtS);
    return number;
  }

  /** Marks a number as used. Throws `challenge-spent` when it was, `challenge-expired` when it is out of the window. */
  claim(number: number): void {
    if (number < this.#first || number >= this.#next) {
      throw new ProtocolError('challenge-expired', 'the challenge has expired');
    }
    const place = number % this.#size;
    const byte = this.#bits[place >>> 3] ?? 0;
    const bit = 1 << (place & 7);
    if ((byte & bit) !== 0) throw new ProtocolError('challenge-spent', 'the challenge was used before');
    this.#bits[place >>> 3] = byte | bit;
  }

  #blockOf(number: number): number {
    return ((number % this.#size) / replayBlockNumbers) | 0;
  }

  /** Frees full blocks of which nothing can be redeemed any more, oldest first. */
  #release(nowS: number): void {
    while (this.#next - this.#first >= replayBlockNumbers) {
      const block = this.#blockOf(this.#first);
      if ((this.#expiries[block] ?? 0) > nowS) return;
      const place = this.#first % this.#size;
      this.#bits.fill(0, place >>> 3, (place + replayBlockNumbers) >>> 3);
      this.#expiries[block] = 0;
      this.#first += replayBlockNumbers;
    }
  }
}
