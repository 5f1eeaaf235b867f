// The link itself, a program of its own: makes two TUN devices, says so, and carries packets between them until its parent ends.
// The only argument is {near, far, bitsPerSecond, rttMs, loss, seed} as JSON.
import { writeSync } from 'node:fs';
import { setPriority } from 'node:os';
import { Lane } from './lane.js';
import { createWait, loadCalls, openTun } from './tun.js';

/** Packets taken from one device before the other has its turn. */
const packetsAtOnce = 64;
/** How often to see whether the parent is still there. */
const lookMs = 250;

function carry({ calls, devices, lanes }) {
  const wait = createWait(calls, devices);
  const parent = process.ppid;
  for (let lookAtMs = 0; ; ) {
    const nowMs = performance.now();
    if (nowMs > lookAtMs) {
      if (process.ppid !== parent) return;
      lookAtMs = nowMs + lookMs;
    }
    for (const [at, lane] of lanes.entries()) {
      for (let packet = lane.give(nowMs); packet !== undefined; packet = lane.give(nowMs)) {
        devices[1 - at].write(packet);
      }
      for (let taken = 0; taken < packetsAtOnce; taken += 1) {
        const packet = devices[at].read();
        if (packet === undefined) break;
        lane.take(packet, nowMs);
      }
    }
    const dueMs = Math.min(...lanes.map((lane) => lane.dueMs)) - performance.now();
    if (dueMs > 0) wait(Math.min(dueMs, lookMs));
  }
}

/** Programs that want all cores must not make the line slower than it is. Root may do that; others measure on a quiet machine. */
function goFirst() {
  try {
    setPriority(-19);
  } catch {
    // As said.
  }
}

goFirst();
const { near, far, seed, ...link } = JSON.parse(process.argv[2]);
const calls = await loadCalls();
if (calls === undefined) throw new Error('the optional package koffi is missing');
const devices = [near, far].map((name) => openTun(calls, name));
// Each direction has its own chance.
const lanes = devices.map((_device, at) => new Lane({ ...link, seed: seed + at }));
writeSync(1, 'ready\n');
carry({ calls, devices, lanes });
