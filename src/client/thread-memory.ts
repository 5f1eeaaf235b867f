// Bounds on what V8 takes for a push or a pull (docs/decisions/0019-small-heaps.md): most of it would be room for garbage.
import { setFlagsFromString } from 'node:v8';
import type { ResourceLimits, Worker } from 'node:worker_threads';

/** For threads that work on bytes and make few objects: without it each may keep 16 MB of young garbage. */
export const threadMemory: ResourceLimits = { maxYoungGenerationSizeMb: 6 };

/**
 * From now on old objects are looked through when they have doubled, not when they have grown up to fourfold. This heap gets no more
 * room for young objects than it has now, and threads that are started after this get little.
 */
export function keepHeapsSmall(): void {
  setFlagsFromString('--heap-growing-percent=100');
  setFlagsFromString('--max-semi-space-size=2');
  keepYoungSmall();
}

/** To be called for each thread that a push starts: V8 forgets the bound on young objects whenever it makes a heap. */
export function keepYoungSmallBeside(worker: Worker): void {
  worker.once('online', keepYoungSmall);
}

/** The size of the main thread's young generation is fixed before any program runs, and only its growth can be stopped. */
function keepYoungSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * For content that passes through as buffers of 64 KiB, which die young: V8 counts their bytes together with its heap, and would look
 * through all of that again and again (docs/decisions/0011-heap-growth.md).
 */
export function expectBuffers(): void {
  setFlagsFromString('--heap-growing-percent=400');
}
