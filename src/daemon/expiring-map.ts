// What the daemon remembers between two requests of one exchange: in memory, for a short time, and never more than a fixed
// number of them.
import { randomBytes } from 'node:crypto';
import { toHex } from '../protocol/bytes.js';
import { ProtocolError } from '../protocol/errors.js';

interface Entry<T> {
  readonly value: T;
  readonly expiresAt: number;
}

export class ExpiringMap<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #ttlMs: number;
  readonly #countMax: number;
  readonly #now: () => number;

  constructor(options: { readonly ttlMs: number; readonly countMax: number; readonly now: () => number }) {
    this.#ttlMs = options.ttlMs;
    this.#countMax = options.countMax;
    this.#now = options.now;
  }

  /** Throws ProtocolError `rate-limited` where another one would be too many. */
  checkRoom(): void {
    for (const [id, entry] of this.#entries) {
      // Insertion order is expiry order, so the walk stops at the first live one.
      if (entry.expiresAt > this.#now()) break;
      this.#entries.delete(id);
    }
    if (this.#entries.size >= this.#countMax) throw new ProtocolError('rate-limited', 'too many of these at once');
  }

  /** Returns the new entry's id, 32 hex digits; throws ProtocolError `rate-limited`. */
  add(value: T): string {
    this.checkRoom();
    const id = toHex(randomBytes(16));
    this.#entries.set(id, { value, expiresAt: this.#now() + this.#ttlMs });
    return id;
  }

  /** Undefined for an id that was never given, was removed, or is too old. */
  find(id: string): T | undefined {
    const entry = this.#entries.get(id);
    return entry !== undefined && entry.expiresAt > this.#now() ? entry.value : undefined;
  }

  remove(id: string): void {
    this.#entries.delete(id);
  }
}
