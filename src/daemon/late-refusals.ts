// Proofs that are worth nothing cost their sender nothing, and the daemon a request each. While very many come, each is
// answered late (docs/operating.md, "Limits"): a sender has to keep a connection for each, and connections are limited.
import type { ErrorCode } from '../protocol/errors.js';

/** What no honest client hears more than once: wrong proofs, tokens of nobody, tokens used before, too many of them. */
const worthless: ReadonlySet<ErrorCode> = new Set([
  'challenge-invalid',
  'challenge-spent',
  'proof-insufficient',
  'rate-limited',
]);
/** So many in a second are answered at once. */
const promptPerSecond = 50;
export const lateMsMin = 1000;
export const lateMsMax = 3000;

/** Times are of any steady clock in milliseconds. */
export class LateRefusals {
  #credit = promptPerSecond;
  #atMs = 0;

  /** How long to wait before this refusal is answered: at random, so that the answered do not all come back at once. */
  delayMs(code: ErrorCode, nowMs: number): number {
    if (!worthless.has(code)) return 0;
    const earned = (Math.max(0, nowMs - this.#atMs) / 1000) * promptPerSecond;
    this.#credit = Math.min(promptPerSecond, this.#credit + earned);
    this.#atMs = nowMs;
    if (this.#credit < 1) return lateMsMin + Math.random() * (lateMsMax - lateMsMin);
    this.#credit -= 1;
    return 0;
  }
}
