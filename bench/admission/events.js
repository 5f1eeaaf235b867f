// A clock that jumps from one event to the next, and chance in the shapes that arrivals and puzzles have.

/** Seconds since the beginning; events of one time run in the order in which they were asked for. */
export class Events {
  now = 0;
  #heap = [];
  #count = 0;

  at(time, run) {
    const heap = this.#heap;
    const event = { time: Math.max(time, this.now), order: this.#count, run };
    this.#count += 1;
    let place = heap.length;
    heap.push(event);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(event, heap[parent])) break;
      heap[place] = heap[parent];
      place = parent;
    }
    heap[place] = event;
  }

  runUntil(time) {
    while (this.#heap.length > 0 && this.#heap[0].time <= time) {
      const event = this.#take();
      this.now = event.time;
      event.run();
    }
    this.now = time;
  }

  /** Events that ran or wait. */
  get count() {
    return this.#count;
  }

  #take() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child += 1;
      if (!isBefore(heap[child], last)) break;
      heap[place] = heap[child];
      place = child;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(a, b) {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}

/** Exponential with mean 1. */
export function exponential(random) {
  return -Math.log(1 - random());
}

export function normal(random) {
  return Math.sqrt(2 * exponential(random)) * Math.cos(2 * Math.PI * random());
}

/** How many events of this mean number happen, counted to `most`. */
export function poisson(random, mean, most) {
  let count = 0;
  for (let sum = exponential(random); sum < mean && count < most; sum += exponential(random)) count += 1;
  return count;
}
