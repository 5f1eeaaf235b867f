// Counts of very many keys in fixed memory, forgotten with a half-life (a count-min sketch): it may count too much where keys
// collide, never too little. For surcharges of networks and of failed logins (docs/proof-of-work.md, "Surcharges").
import { createHash, randomBytes } from 'node:crypto';

const rows = 4;
const columns = 4096;

export class DecayingSketch {
  readonly #counts = new Float64Array(rows * columns);
  readonly #halfLifeMs: number;
  /** Nobody outside can choose keys that collide. */
  readonly #secret = randomBytes(16);
  #scaledAtMs: number;

  /** `nowMs` of any steady clock. 128 KiB whatever happens. */
  constructor(halfLifeMs: number, nowMs: number) {
    this.#halfLifeMs = halfLifeMs;
    this.#scaledAtMs = nowMs;
  }

  add(key: string, amount: number, nowMs: number): void {
    // Counts are kept as of `scaledAtMs`: adding later is adding more, and nothing has to be touched in between.
    let scale = this.#scale(nowMs);
    if (scale > 2 ** 40) {
      for (let i = 0; i < this.#counts.length; i += 1) this.#counts[i] = (this.#counts[i] ?? 0) / scale;
      this.#scaledAtMs = nowMs;
      scale = 1;
    }
    for (const place of this.#places(key)) this.#counts[place] = (this.#counts[place] ?? 0) + amount * scale;
  }

  count(key: string, nowMs: number): number {
    const counts = this.#places(key).map((place) => this.#counts[place] ?? 0);
    return Math.min(...counts) / this.#scale(nowMs);
  }

  #scale(nowMs: number): number {
    return 2 ** ((nowMs - this.#scaledAtMs) / this.#halfLifeMs);
  }

  #places(key: string): number[] {
    const digest = createHash('sha256').update(this.#secret).update(key).digest();
    return Array.from({ length: rows }, (_, row) => row * columns + (digest.readUInt32LE(4 * row) % columns));
  }
}
