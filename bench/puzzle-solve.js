// What solving costs and how evenly: CPU of an attempt, sub-solutions of an attempt, spread of the time to solve.
import { mean, median, quantile, variation } from './report.js';

/** Milliseconds of CPU that `work` takes, all threads of the process together. */
export function cpuMs(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Median over `batches` of the milliseconds that one of `attempts` takes. The first batch warms up and is left out. */
export function measureAttempt({ search, attemptSeed, seed, batches, attempts }) {
  const times = Array.from({ length: batches + 1 }, (_, batch) =>
    cpuMs(() => {
      for (let i = 0; i < attempts; i += 1) search(attemptSeed(seed, batch * attempts + i));
    }),
  );
  return median(times.slice(1)) / attempts;
}

/** How many sub-solutions each of `attempts` holds. */
export function countSolutions({ search, attemptSeed, seed, attempts }) {
  return Array.from({ length: attempts }, (_, attempt) => search(attemptSeed(seed, attempt)).length);
}

/** Attempts and CPU time of real solves: `puzzles` sub-solutions without a filter, a seed for each. */
export function solveFloor({ search, attemptSeed, seedOf, solves, puzzles }) {
  return Array.from({ length: solves }, (_, solve) => {
    const seed = seedOf(solve);
    let attempts = 0;
    const ms = cpuMs(() => {
      for (let found = 0; found < puzzles; attempts += 1) found += search(attemptSeed(seed, attempts)).length;
    });
    return { attempts, ms };
  });
}

/**
 * Attempts until `puzzles` sub-solutions pass a filter that lets one in `effort` through. Each attempt holds as many as a
 * measured one, drawn at random.
 */
export function drawSolves({ counts, random, puzzles, effort, draws }) {
  return Array.from({ length: draws }, () => {
    let attempts = 0;
    for (let found = 0; found < puzzles; attempts += 1) {
      const held = counts[Math.floor(random() * counts.length)];
      for (let i = 0; i < held; i += 1) if (effort <= 1 || random() * effort < 1) found += 1;
    }
    return attempts;
  });
}

export function spreadOf(values) {
  const half = median(values);
  return {
    mean: mean(values),
    variation: variation(values),
    p95: quantile(values, 0.95) / half,
    p99: quantile(values, 0.99) / half,
  };
}

/** Points [time in parts of the mean, share of solves per unit], for a plot. */
export function densityOf(values, step = 0.1, end = 3) {
  const middle = mean(values);
  const bins = new Float64Array(Math.round(end / step));
  for (const value of values) {
    const bin = Math.floor(value / middle / step);
    if (bin < bins.length) bins[bin] += 1;
  }
  return Array.from(bins, (count, bin) => [(bin + 0.5) * step, count / values.length / step]);
}
