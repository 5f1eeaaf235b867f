// Counts beside a push what it is going to read, so that the progress line can say how much is left. Starts late: most
// pushes are over before anybody would look.
import { Worker } from 'node:worker_threads';
import { threadMemory } from '../thread-memory.js';
import type { FoundSources } from './walk.js';

const startAfterMs = 1000;

export interface ScanTotals {
  readonly files: number;
  readonly bytes: number;
}

export interface Scan {
  /** Undefined until the whole tree was seen. */
  readonly totals: ScanTotals | undefined;
  stop(): Promise<void>;
}

export function startScan({ sources, leftOut }: FoundSources): Scan {
  let worker: Worker | undefined;
  let totals: ScanTotals | undefined;
  const timer = setTimeout(() => {
    worker = new Worker(new URL('./scan-worker.js', import.meta.url), {
      workerData: { sources, leftOut },
      resourceLimits: threadMemory,
    });
    worker.on('message', (found: ScanTotals) => {
      totals = found;
    });
    // Without totals the line is only shorter.
    worker.on('error', () => undefined);
  }, startAfterMs);
  return {
    get totals() {
      return totals;
    },
    async stop() {
      clearTimeout(timer);
      await worker?.terminate();
    },
  };
}
