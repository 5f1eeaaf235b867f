// Honest users: real pushes of the real program, begun at seeded times whatever became of those before.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../report.js';
import { jaycloud } from './programs.js';

/** Who has waited so long has lost patience: the push is ended, and has failed. */
export const patienceS = 30;

/** Seconds from the start of the window, in order: random gaps, `perSecond` in the mean, the same for the same seed. */
export function arrivalTimes({ seed, perSecond, seconds }) {
  const random = seededRandom(seed);
  const times = Array.from({ length: Math.round(perSecond * seconds) }, () => random() * seconds);
  return times.sort((a, b) => a - b);
}

async function pushOne(url, { home, newBytes }, startsAtMs) {
  await sleep(Math.max(0, startsAtMs - performance.now()));
  const { child, ended } = jaycloud(home, url, ['push', join(home, 'tree'), '--name', 'tree']);
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceS * 1000);
  const { exit, seconds, output } = await ended;
  clearTimeout(timer);
  const isDone = exit === 0;
  return { isDone, seconds, newBytes, why: isDone ? undefined : reasonOf(exit, output) };
}

function reasonOf(exit, output) {
  if (exit === null) return 'out of patience';
  return /"code":"([a-z-]+)"/.exec(output)?.[1] ?? `exit ${exit}: ${output.slice(-200).trim()}`;
}

/** Resolves when the last push has ended. */
export function pushAll(url, homes, times) {
  const startMs = performance.now();
  return Promise.all(homes.map((home, i) => pushOne(url, home, startMs + times[i] * 1000)));
}
