// The walking thread: looks at every file of the sources, and waits where the pusher is too far behind.
import { parentPort, workerData } from 'node:worker_threads';
import { type WalkItem, walk } from './walk.js';
import { batchesAheadMax, batchItemsMax, encodeBatch, type FromWalker, type WalkSetup } from './walk-messages.js';

if (parentPort === null) throw new Error('walk-worker runs as a worker thread');
const port = parentPort;
const { found, ahead } = workerData as WalkSetup;

function post(message: FromWalker): void {
  port.postMessage(message, message.type === 'batch' ? [message.batch.rows.buffer] : []);
}

function send(items: readonly WalkItem[]): void {
  for (let count = Atomics.load(ahead, 0); count >= batchesAheadMax; count = Atomics.load(ahead, 0)) {
    Atomics.wait(ahead, 0, count);
  }
  Atomics.add(ahead, 0, 1);
  post({ type: 'batch', batch: encodeBatch(items) });
}

let items: WalkItem[] = [];
for (const item of walk(found)) {
  items.push(item);
  if (items.length < batchItemsMax) continue;
  send(items);
  items = [];
}
if (items.length > 0) send(items);
post({ type: 'end' });
