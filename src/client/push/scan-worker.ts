// The thread behind scan.ts.
import { parentPort, workerData } from 'node:worker_threads';
import { type FoundSources, walk } from './walk.js';

let files = 0;
let bytes = 0;
for (const item of walk(workerData as Pick<FoundSources, 'sources' | 'leftOut'>)) {
  if (item.kind !== 'entry' || item.type !== 'file') continue;
  files += 1;
  bytes += item.stat.sizeBytes;
}
parentPort?.postMessage({ files, bytes });
