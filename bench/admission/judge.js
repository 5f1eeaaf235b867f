// The goals, and whether the worst seed reaches them.

/** The worst of several runs of one scenario. */
export function worstOf(runs) {
  const most = (pick) => Math.max(...runs.map((run) => orInfinite(pick(run))));
  const outcome = (pick) =>
    pick(runs[0]) === undefined
      ? undefined
      : {
          success: Math.min(...runs.map((run) => pick(run).success)),
          p50: most((run) => pick(run).p50),
          p95: most((run) => pick(run).p95),
          servedP95: most((run) => pick(run).servedP95),
        };
  const price = (tier) => ({
    final: most(({ prices }) => prices[tier].final),
    peak: most(({ prices }) => prices[tier].peak),
    overshoot: most(({ prices }) => prices[tier].peak / prices[tier].final),
    riseS: most(({ prices }) => prices[tier].riseS),
    fallS: most(({ prices }) => prices[tier].fallS),
    isAlwaysFloor: runs.every(({ prices }) => prices[tier].isAlwaysFloor),
  });
  return {
    established: outcome((run) => run.established),
    new: outcome((run) => run.new),
    all: outcome((run) => run.all),
    jobs: outcome((run) => run.jobs),
    jobAttempts: most(({ jobs }) => (jobs === undefined ? 0 : Math.max(...jobs.attempts))),
    prices: { established: price('established'), new: price('new') },
    verified: most(({ verified }) => verified),
  };
}

/** What was never reached counts as infinitely late. */
function orInfinite(value) {
  return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value;
}

const percent = (share) => `${(100 * share).toFixed(2)} %`;
const seconds = (value) => `${value.toFixed(2)} s`;
const times = (value) => `${value.toFixed(2)} times`;

/** `{ goal, value, isMet }` for every goal that a scenario is held to. */
export function judge({ group, attackers }, worst) {
  const goals = [];
  const atLeast = (goal, value, least, show) => goals.push({ goal, value: show(value), isMet: value >= least });
  const atMost = (goal, value, most, show) => goals.push({ goal, value: show(value), isMet: value <= most });
  if (group === 'flood' || group === 'aged') {
    atLeast('established users: 99.9 % admitted', worst.established.success, 0.999, percent);
    atMost('established users: p95 at most 0.5 s', worst.established.p95, 0.5, seconds);
  }
  if (group === 'flood' && attackers <= 100) atLeast('new users: 99 % admitted', worst.new.success, 0.99, percent);
  if (group === 'flood' && attackers === 100) {
    const { riseS, overshoot, fallS } = worst.prices.new;
    atMost('price: at 70 % of its final height within 8 s', riseS, 8, seconds);
    atMost('price: peak at most twice the final height', overshoot, 2, times);
    atMost('price: down to an eighth within 75 s', fallS, 75, seconds);
  }
  if (group === 'free') {
    const isFloor = worst.prices.new.isAlwaysFloor && worst.prices.established.isAlwaysFloor;
    const peak = Math.max(worst.prices.new.peak, worst.prices.established.peak);
    goals.push({ goal: 'price: exactly the floor, in every second', value: times(peak), isMet: isFloor });
  }
  if (group === 'jobs') atMost('the jobs pay no more than the floor of 8 attempts', worst.jobAttempts, 8, String);
  return goals;
}
