// What the daemon runs on, idealised: one event loop that takes every request and every verification in turn, and one
// store that does the paid work, one grant after the other.

import { quantile } from '../report.js';
import { exponential } from './events.js';

/** Of a request, and of checking one proof. */
export const loopSecondsEach = 0.0001;
/** Mean of one grant. */
export const storeSecondsEach = 0.025;
/** Delays shorter than this are added to the answer and get no event of their own. */
const shortDelayS = 0.002;

export class Loop {
  #events;
  #freeAt = 0;
  #delays = [];

  constructor(events) {
    this.#events = events;
  }

  /** Occupies the loop, then runs. */
  request(run) {
    const doneAt = this.occupy();
    if (doneAt - this.#events.now < shortDelayS) run();
    else this.#events.at(doneAt, run);
  }

  occupy() {
    const { now } = this.#events;
    this.#freeAt = Math.max(now, this.#freeAt) + loopSecondsEach;
    this.#delays.push(this.#freeAt - now);
    return this.#freeAt;
  }

  /** 99th percentile since the last call. */
  takeDelayMs() {
    const delay = this.#delays.length === 0 ? 0 : quantile(this.#delays, 0.99);
    this.#delays = [];
    return delay * 1000;
  }
}

export class Store {
  #events;
  #random;
  #freeAt = 0;
  #assigned = 0;
  #waiting = 0;
  #area = 0;
  #areaAt = 0;
  #busyBefore = 0;
  #areaBefore = 0;

  constructor(events, random) {
    this.#events = events;
    this.#random = random;
  }

  serve(units, served) {
    const { now } = this.#events;
    const seconds = units * storeSecondsEach * exponential(this.#random);
    this.#assigned += seconds;
    this.#freeAt = Math.max(now, this.#freeAt) + seconds;
    this.#count(1);
    this.#events.at(this.#freeAt, () => {
      this.#count(-1);
      served();
    });
  }

  /** Seconds of work that wait. */
  get backlogSeconds() {
    return Math.max(0, this.#freeAt - this.#events.now);
  }

  /** Busy seconds and mean number of grants under way, since the last call. */
  takeSample(seconds) {
    this.#count(0);
    const busy = this.#assigned - this.backlogSeconds;
    const sample = { busySeconds: busy - this.#busyBefore, queue: (this.#area - this.#areaBefore) / seconds };
    this.#busyBefore = busy;
    this.#areaBefore = this.#area;
    return sample;
  }

  #count(change) {
    this.#area += this.#waiting * (this.#events.now - this.#areaAt);
    this.#areaAt = this.#events.now;
    this.#waiting += change;
  }
}
