// The scenarios of docs/admission.md, in the order of its tables. `group` says which goals they are held to (judge.js).
const after = 180;
/** Registrations that pay for the accounts of a flood, each second: the work of some 300 machines. */
const refillPerSecond = 80;

const floods = [0, 10, 30, 100, 300, 1000].map((attackers) => ({
  name: attackers === 0 ? 'no attack' : `${attackers} machines`,
  group: 'flood',
  attackers,
  afterS: after,
  seeds: 5,
}));

const aged = [100, 300, 1000].map((attackers) => ({
  name: `${attackers} machines, 10 % of them with an established account`,
  group: attackers === 300 ? 'aged' : 'variant',
  attackers,
  agedPart: 0.1,
  seeds: attackers === 300 ? 5 : 2,
}));

const variants = [
  {
    name: '300 machines in pulses, 20 s of 80 s',
    attackers: 300,
    pulse: { onS: 20, offS: 60 },
    attackS: 480,
    seeds: 3,
  },
  {
    name: '300 machines, 10 % of them with ten established accounts each',
    attackers: 300,
    agedPart: 0.1,
    accounts: 10,
  },
  { name: '100 machines that pay four times the price', attackers: 100, bid: 4 },
  { name: '100 machines that save one of 16 sub-solutions', attackers: 100, isCutting: true },
  {
    name: '100 machines, and 2,500 false proofs each second, each account replaced at once',
    attackers: 100,
    attackS: 240,
    invalid: { perSecond: 2500, pool: 20_000, refillPerSecond: 10_000 },
    seeds: 1,
  },
  { name: '100 machines that come back every 0.2 s', attackers: 100, isImpatient: true },
].map((scenario) => ({ group: 'variant', seeds: 2, ...scenario }));

const free = [
  { name: '1,000 challenges asked for each second, none solved', freeRequests: 1000 },
  { name: '5,000 false proofs each second', invalid: { perSecond: 5000, pool: 2000, refillPerSecond } },
  {
    name: '5,000 false proofs each second, 200 established accounts among them',
    invalid: { perSecond: 5000, pool: 2000, refillPerSecond, aged: 200 },
  },
  {
    name: '2,500 false proofs each second, each account replaced at once',
    invalid: { perSecond: 2500, pool: 20_000, refillPerSecond: 10_000 },
  },
].map((scenario) => ({ group: 'free', attackS: 240, ...scenario }));

const jobs = { name: 'one established account starts 200 jobs at once', group: 'jobs', jobs: 200, attackS: 240 };

const baselines = [10, 100].flatMap((attackers) =>
  [
    { law: 'free', lawName: 'no proof of work', requests: 20 * attackers },
    { law: 'fixed', lawName: 'a fixed price of 1 s', attackers },
    { law: 'tor', lawName: 'the law of Tor 327', attackers },
    { law: 'oneTier', lawName: 'this law without tiers', attackers },
    { law: 'adaptive', lawName: 'this law', attackers },
  ].map((scenario) => ({
    name: `${attackers} machines: ${scenario.lawName}`,
    group: 'baseline',
    attackS: 300,
    machines: attackers,
    ...scenario,
  })),
);

export const scenarios = [...floods, ...aged, ...variants, ...free, jobs, ...baselines];

/** Enough to see in a few seconds whether a law still works. */
export const quickNames = new Set([
  '10 machines',
  '100 machines',
  '1000 machines',
  aged[1].name,
  free[0].name,
  free[1].name,
  jobs.name,
]);
