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
  /** Second before which a number may not come back, modulo 65,536; 0 for any time. Pages that nobody touches cost nothing. */
  readonly #delays: Uint16Array;
  /** Records of each challenge that have entered the price. */
  readonly #counted: Uint8Array;
  readonly #size: number;
  #first = 0;
  #next = 0;

  /** `sizeNumbers`: a multiple of the block, and the bound of memory: three bytes and an eighth each. */
  constructor(sizeNumbers: number) {
    assert(sizeNumbers > 0 && sizeNumbers % replayBlockNumbers === 0);
    this.#size = sizeNumbers;
    this.#bits = new Uint8Array(sizeNumbers / 8);
    this.#expiries = new Float64Array(sizeNumbers / replayBlockNumbers);
    this.#delays = new Uint16Array(sizeNumbers);
    this.#counted = new Uint8Array(sizeNumbers);
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

  /** Throws `challenge-spent` for a number that was used, `challenge-expired` when it is out of the window. */
  check(number: number): void {
    const place = this.#placeOf(number);
    if (((this.#bits[place >>> 3] ?? 0) & (1 << (place & 7))) !== 0) {
      throw new ProtocolError('challenge-spent', 'the challenge was used before');
    }
  }

  /** Marks a number as used; throws as `check` does. */
  claim(number: number): void {
    this.check(number);
    const place = this.#placeOf(number);
    this.#bits[place >>> 3] = (this.#bits[place >>> 3] ?? 0) | (1 << (place & 7));
  }

  /** The number may not come back before this second. */
  delay(number: number, untilS: number): void {
    this.#delays[this.#placeOf(number)] = untilS % 65_536 || 1;
  }

  /** Seconds left of what `delay` has set; it never sets more than the life of a challenge. */
  delayLeftS(number: number, nowS: number): number {
    const until = this.#delays[this.#placeOf(number)] ?? 0;
    const leftS = (until - (nowS % 65_536) + 65_536) % 65_536;
    return until !== 0 && leftS < 32_768 ? leftS : 0;
  }

  /** How many of `records` were not counted before; from now on they are. */
  countNew(number: number, records: number): number {
    const place = this.#placeOf(number);
    const before = this.#counted[place] ?? 0;
    this.#counted[place] = Math.max(before, records);
    return Math.max(0, records - before);
  }

  #placeOf(number: number): number {
    if (number < this.#first || number >= this.#next) {
      throw new ProtocolError('challenge-expired', 'the challenge has expired');
    }
    return number % this.#size;
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
      this.#delays.fill(0, place, place + replayBlockNumbers);
      this.#counted.fill(0, place, place + replayBlockNumbers);
      this.#expiries[block] = 0;
      this.#first += replayBlockNumbers;
    }
  }
}
