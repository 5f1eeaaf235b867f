// Where a sealing thread puts what it seals: slabs of memory that it shares with the pusher's thread and uses again and
// again, so that the megabytes of a push are never copied between threads and never become garbage. Records lie in a slab
// as they travel (docs/protocol.md, "Blob streams").
import { ok } from 'node:assert/strict';
import { blobStreamHeaderBytes } from '../../protocol/blob-stream.js';
import { blobIdBytes } from '../../protocol/limits.js';
import type { PlannedFrame } from '../frame.js';
import { leafBytesOf, type SealedLeaf, sealLeafInto } from '../seal.js';
import { type SealedRun, slabBytes } from './seal-messages.js';

interface Slab {
  readonly bytes: Buffer;
  readonly memory: SharedArrayBuffer;
  /** Runs of this slab that the pusher has not given back. */
  runs: number;
  isKnown: boolean;
}

export class RecordSlabs {
  readonly #slabs: Slab[] = [];
  readonly #slabsMax: number;
  #current = -1;
  /** Where the run that is being filled starts, and where its next record goes. */
  #from = 0;
  #at = 0;
  #rawLengths: number[] = [];
  #onFree: (() => void) | undefined;

  constructor(slabsMax: number) {
    this.#slabsMax = slabsMax;
  }

  /** True when a record of this frame fits behind the last one; else `takeRun` and `nextSlab` come first. */
  hasRoom(plan: PlannedFrame): boolean {
    return this.#current >= 0 && this.#at + blobStreamHeaderBytes + leafBytesOf(plan) <= slabBytes;
  }

  /** Moves on to a slab that nobody reads any more; the promise resolves when the pusher has given one back. */
  nextSlab(): Promise<void> | undefined {
    ok(this.#rawLengths.length === 0, 'a run is taken before its slab is left');
    if (this.#useFreeSlab()) return undefined;
    return new Promise((resolve) => {
      this.#onFree = () => {
        if (!this.#useFreeSlab()) return;
        this.#onFree = undefined;
        resolve();
      };
    });
  }

  /** Seals a planned frame as a data chunk, its record behind the last one. */
  seal(salt: Uint8Array, plan: PlannedFrame): SealedLeaf {
    const slab = this.#slabs[this.#current];
    ok(slab !== undefined, 'there is a slab to seal into');
    const blobAt = this.#at + blobStreamHeaderBytes;
    const end = blobAt + leafBytesOf(plan);
    const sealed = sealLeafInto(salt, plan, slab.bytes.subarray(blobAt, end));
    slab.bytes.write(sealed.id, this.#at, 'latin1');
    slab.bytes.writeUInt32BE(end - blobAt, this.#at + blobIdBytes);
    this.#at = end;
    this.#rawLengths.push(plan.rawLength);
    return sealed;
  }

  /** The records since the last run, to be handed over; undefined where there are none. */
  takeRun(): SealedRun | undefined {
    const slab = this.#slabs[this.#current];
    if (slab === undefined || this.#rawLengths.length === 0) return undefined;
    const run = {
      slab: this.#current,
      memory: slab.isKnown ? undefined : slab.memory,
      fromByte: this.#from,
      toByte: this.#at,
      rawLengths: Uint32Array.from(this.#rawLengths),
    };
    slab.isKnown = true;
    slab.runs += 1;
    this.#from = this.#at;
    this.#rawLengths = [];
    return run;
  }

  /** The pusher is done with one run of this slab. */
  giveBack(index: number): void {
    const slab = this.#slabs[index];
    ok(slab !== undefined && slab.runs > 0, 'a run is given back once');
    slab.runs -= 1;
    this.#onFree?.();
  }

  #useFreeSlab(): boolean {
    let free = this.#slabs.findIndex(({ runs }) => runs === 0);
    if (free < 0 && this.#slabs.length < this.#slabsMax) {
      const memory = new SharedArrayBuffer(slabBytes);
      free = this.#slabs.push({ bytes: Buffer.from(memory), memory, runs: 0, isKnown: false }) - 1;
    }
    if (free < 0) return false;
    this.#current = free;
    this.#from = 0;
    this.#at = 0;
    return true;
  }
}
