// How a transfer uses a line that it knows nothing of (docs/architecture.md, "Lines"): how large its requests are and how many of
// them go side by side. One connection on a line that loses packets gets a small part of it, however fast the line is, so there must
// be many; on a slow line requests must be small, or none would end for minutes.

const mib = 1024 * 1024;
/** Answers that come sooner are those of a daemon on this machine or beside it. */
const nearMs = 10;
const firstRequestBytes = mib;
const requestBytesMin = mib / 4;
const nearLanes = 8;
/** While some wait for their answers, others keep a long line busy. */
const farLanes = 12;
const lanesMin = 4;
export const lanesMax = 32;
/** A request that takes less than the one is too small to fill a line, one that takes more than the other is too large. */
const shortMs = 1_000;
const longMs = 6_000;
/** Not even the smallest requests end: there are too many for the line. */
const crowdedMs = 60_000;
/** New connections need some round trips until they are as fast as they will be. */
const measureMsMin = 1_000;
const measureRoundTrips = 8;
/** More lanes have been worth it when the rate has grown by so much. */
const gainMin = 1.15;
/** Bytes a millisecond: lanes that bring so much each are not held back by loss, and more of them would only crowd the line. */
const fastLane = 500;
/** So many measurements in a row without a gain end the search. */
const missesMax = 2;

/** Whether waiting for an answer is worth work that may turn out to be in vain. */
export function isFar(roundTripMs: number): boolean {
  return roundTripMs > nearMs;
}

export interface WindowLimits {
  readonly requestBytesMax: number;
  /** Of all requests under way together. */
  readonly inFlightBytesMax: number;
}

export class LineWindow {
  readonly #limits: WindowLimits;
  readonly #roundTripMs: () => number;
  readonly #now: () => number;
  #isFar: boolean;
  #requestBytes: number;
  #lanes: number;
  #measuredSinceMs: number | undefined;
  #movedBytes = 0;
  #bestRate = 0;
  #misses = 0;
  #retries = 0;

  /** `roundTripMs`: the shortest answer so far. */
  constructor(roundTripMs: () => number, limits: WindowLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.#roundTripMs = roundTripMs;
    this.#isFar = isFar(roundTripMs());
    this.#lanes = this.#isFar ? farLanes : nearLanes;
    this.#requestBytes = Math.min(this.#isFar ? firstRequestBytes : Infinity, limits.requestBytesMax);
  }

  /** The first answers of a busy daemon come late, wherever it is: it turns out to be near by the first that does not. */
  #look(): void {
    if (!this.#isFar || isFar(this.#roundTripMs())) return;
    this.#isFar = false;
    this.#lanes = nearLanes;
    this.#requestBytes = this.#limits.requestBytesMax;
  }

  /** What one request should carry at most; a blob that is larger goes alone. */
  get requestBytes(): number {
    this.#look();
    return this.#requestBytes;
  }

  /** Requests that may be under way at once. */
  get lanes(): number {
    this.#look();
    return Math.max(1, Math.min(this.#lanes, Math.floor(this.#limits.inFlightBytesMax / this.#requestBytes)));
  }

  /** Bytes have gone into a connection or come out of one: the lanes are doubled for as long as that makes them more a second. */
  moved(bytes: number): void {
    const nowMs = this.#now();
    this.#measuredSinceMs ??= nowMs;
    this.#movedBytes += bytes;
    const passedMs = nowMs - this.#measuredSinceMs;
    if (passedMs < Math.max(measureMsMin, measureRoundTrips * this.#roundTripMs())) return;
    const rate = this.#movedBytes / passedMs;
    this.#measuredSinceMs = nowMs;
    this.#movedBytes = 0;
    if (this.#misses === missesMax || rate > fastLane * this.#lanes) return;
    if (rate > gainMin * this.#bestRate) {
      this.#bestRate = rate;
      this.#misses = 0;
      this.#lanes = Math.min(2 * this.#lanes, lanesMax);
    } else this.#misses += 1;
  }

  /** A request has ended. `retries`: how often any was sent again by now, since somebody may not bear so many connections. */
  done(bytes: number, ms: number, retries: number): void {
    if (retries > this.#retries) {
      this.#retries = retries;
      this.#misses = missesMax;
      this.#lanes = Math.min(this.#lanes, Math.max(nearLanes, Math.floor(this.#lanes / 2)));
    }
    if (ms > longMs) {
      if (ms > crowdedMs && this.#requestBytes === requestBytesMin) {
        this.#misses = missesMax;
        this.#lanes = Math.max(lanesMin, Math.floor(this.#lanes / 2));
      }
      this.#requestBytes = Math.max(requestBytesMin, this.#requestBytes / 2);
    } else if (ms < shortMs && bytes * 2 > this.#requestBytes) {
      this.#requestBytes = Math.min(this.#limits.requestBytesMax, this.#requestBytes * 2);
    }
  }
}
