// One direction of the emulated link: a queue of packets in front of a line of a given rate, then a delay. Knows no clock and
// no device, so that its arithmetic can be tested.
import { seededRandom } from '../report.js';

/** Shorter queues would drop packets of one window that a sender may send at once. */
const queuePacketsMin = 64;
const packetBytesMax = 1500;

/** Bytes that may wait in front of the line: one bandwidth-delay product, as routers are built. */
export function queueBytesFor({ bitsPerSecond, rttMs }) {
  return Math.max(queuePacketsMin * packetBytesMax, Math.ceil((bitsPerSecond / 8) * (rttMs / 1000)));
}

export class Lane {
  #bytesPerMs;
  #delayMs;
  #loss;
  #queueBytes;
  #random;
  /** When the line has sent everything that it was given. */
  #freeAtMs = 0;
  #packets = [];
  #head = 0;
  sent = 0;
  lost = 0;
  /** Found no room in the queue. */
  dropped = 0;

  constructor({ bitsPerSecond, rttMs, loss, seed }) {
    this.#bytesPerMs = bitsPerSecond / 8000;
    this.#delayMs = rttMs / 2;
    this.#loss = loss;
    this.#queueBytes = queueBytesFor({ bitsPerSecond, rttMs });
    this.#random = seededRandom(seed);
  }

  /** Takes a packet over that has come at `nowMs`. */
  take(packet, nowMs) {
    const startMs = Math.max(nowMs, this.#freeAtMs);
    if ((startMs - nowMs) * this.#bytesPerMs + packet.length > this.#queueBytes) {
      this.dropped += 1;
      return;
    }
    this.#freeAtMs = startMs + packet.length / this.#bytesPerMs;
    // What is lost has travelled: it is lost on the way and not spared.
    if (this.#random() < this.#loss) {
      this.lost += 1;
      return;
    }
    this.#packets.push({ packet, dueMs: this.#freeAtMs + this.#delayMs });
  }

  /** The next packet that has arrived at the other end by `nowMs`. */
  give(nowMs) {
    const next = this.#packets[this.#head];
    if (next === undefined || next.dueMs > nowMs) return undefined;
    this.#packets[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#packets.length || this.#head > 4096) {
      this.#packets.splice(0, this.#head);
      this.#head = 0;
    }
    this.sent += 1;
    return next.packet;
  }

  /** When the next packet arrives; infinite where none is under way. */
  get dueMs() {
    return this.#packets[this.#head]?.dueMs ?? Number.POSITIVE_INFINITY;
  }
}
