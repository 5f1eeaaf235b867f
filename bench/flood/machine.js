// What the machine does beside the bench: its cores are shared, and a run that others disturb says little.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const ticksPerSecond = 100;
const quietCores = 0.3;
const quietWaitS = 120;

const busySeconds = () => cpus().reduce((sum, { times: { user, sys, nice } }) => sum + user + sys + nice, 0) / 1000;

/** Of this process and of all that it started and that have ended; NaN where there is no /proc. */
function ownSeconds() {
  const { user, system } = process.cpuUsage();
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
    return (user + system) / 1e6 + (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
  } catch {
    return Number.NaN;
  }
}

/** Call what it returns later: mean cores that were busy, and those of the bench without children that still run. */
export function watchMachine() {
  const [busyBefore, ownBefore, startMs] = [busySeconds(), ownSeconds(), performance.now()];
  return () => {
    const seconds = (performance.now() - startMs) / 1000;
    return { busy: (busySeconds() - busyBefore) / seconds, own: (ownSeconds() - ownBefore) / seconds };
  };
}

/** Waits until others are quiet, not for ever. */
export async function waitForQuiet() {
  const untilMs = performance.now() + quietWaitS * 1000;
  for (;;) {
    const read = watchMachine();
    await sleep(4000);
    if (read().busy < quietCores || performance.now() > untilMs) return;
  }
}
