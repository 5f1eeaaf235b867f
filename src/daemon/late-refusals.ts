// Proofs that are worth nothing cost their sender nothing, and the daemon a request each. So many of them are answered in a
// second and the others wait in line (docs/operating.md, "Limits"): a sender has to keep a connection for each, and
// connections are limited.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../protocol/errors.js';

/** What no honest client hears more than once: wrong proofs, tokens of nobody, tokens used before, too many of them. */
const worthless: ReadonlySet<ErrorCode> = new Set([
  'challenge-expired',
  'challenge-invalid',
  'challenge-spent',
  'proof-insufficient',
  'rate-limited',
]);
const answersPerSecond = 50;
/** A line of so many seconds has one for every connection. */
export const lateMsMax = 20_000;
/** Senders who open connections faster than they wait do not fill the memory. */
const waitingMax = 2048;

export class LateRefusals {
  /** When the next one has its turn. Where none has come for a second, as many as a second has are answered at once. */
  #turnMs = 0;
  #waiting = 0;

  /** How long the next refusal has to wait; it takes its place in line. `nowMs` is of any steady clock. */
  delayMs(code: ErrorCode, nowMs: number): number {
    if (!worthless.has(code)) return 0;
    const turnMs = Math.min(Math.max(this.#turnMs, nowMs - 1000), nowMs + lateMsMax);
    this.#turnMs = turnMs + 1000 / answersPerSecond;
    return Math.max(0, turnMs - nowMs);
  }

  /** Resolves when this refusal may be answered: at once where too many wait already. */
  async wait(code: ErrorCode): Promise<void> {
    const delayMs = this.delayMs(code, performance.now());
    if (delayMs === 0 || this.#waiting >= waitingMax) return;
    this.#waiting += 1;
    await sleep(delayMs, undefined, { ref: false });
    this.#waiting -= 1;
  }
}
