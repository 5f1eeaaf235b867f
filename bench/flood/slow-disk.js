// Loaded into the daemon with --import: a disk that takes one pack after the other, 25 ms each, whatever the machine has.
// Syncs of folders pass, so that a pack is one turn at the disk.
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const syncMs = 25;

const handle = await open(fileURLToPath(import.meta.url), 'r');
const prototype = Object.getPrototypeOf(handle);
const { sync } = prototype;
await handle.close();

let freeAtMs = 0;

prototype.sync = async function slowSync() {
  if ((await this.stat()).isFile()) {
    // By the clock and not by the end of the sync before: a timer that is late makes the disk no slower.
    freeAtMs = Math.max(freeAtMs, performance.now()) + syncMs;
    await sleep(Math.max(0, freeAtMs - performance.now()));
  }
  return sync.call(this);
};
