// Results as tables and plots: on the terminal, and in docs/admission.md.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { barPlot, linePlot } from '../plot.js';
import { table, writeSection } from '../report.js';

const docs = (name) => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
const percent = (share) => `${(Math.floor(share * 1000 + 1e-9) / 10).toFixed(1)} %`;
const number = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : '-');
const latency = ({ p50, p95 }) => `${number(p50, 2)} / ${number(p95, 2)}`;
const factor = ({ final, peak }) => `${number(final, 1)} (${number(peak, 1)})`;

const groupOf = (rows, ...groups) => rows.filter(({ scenario }) => groups.includes(scenario.group));

function attackTable(rows) {
  return table(
    [
      'attack',
      'established admitted',
      'p50 / p95 s',
      'done p95 s',
      'new admitted',
      'p50 / p95 s',
      'price new',
      'price established',
    ],
    rows.map(({ scenario, worst }) => [
      scenario.name,
      percent(worst.established.success),
      latency(worst.established),
      number(worst.established.servedP95, 2),
      percent(worst.new.success),
      latency(worst.new),
      factor(worst.prices.new),
      factor(worst.prices.established),
    ]),
  );
}

function baselineTable(rows) {
  return table(
    ['attack: law', 'established admitted', 'p50 / p95 s', 'new admitted', 'p50 / p95 s'],
    rows.map(({ scenario, worst }) => [
      scenario.name,
      percent(worst.established.success),
      latency(worst.established),
      percent(worst.new.success),
      latency(worst.new),
    ]),
  );
}

export function goalTable(rows) {
  return table(
    ['scenario', 'goal', 'worst seed', 'met'],
    rows.flatMap(({ scenario, goals }) =>
      goals.map(({ goal, value, isMet }) => [scenario.name, goal, value, isMet ? 'yes' : '**no**']),
    ),
  );
}

export function tables(rows) {
  const parts = [
    attackTable(groupOf(rows, 'flood', 'aged', 'variant')),
    attackTable(groupOf(rows, 'free', 'jobs')),
    baselineTable(groupOf(rows, 'baseline')),
  ];
  return parts.join('\n\n');
}

function jobsText(rows) {
  const { worst } = groupOf(rows, 'jobs')[0];
  const { jobs, jobAttempts } = worst;
  return `The 200 jobs are 5 s of work for the store. Each pays ${jobAttempts} attempts, the floor, and gets its grant: p50 ${number(jobs.p50, 1)} s, p95 ${number(jobs.p95, 1)} s. Others pay up to ${number(worst.prices.established.peak, 0)} times the floor for some seconds.`;
}

const intro = `Arrivals are random and seeded; time jumps from event to event. The prices, the capacity, the queue and the surcharges are
the daemon's own modules. Everything around them is a model:

- One replica, no delay of the network. The event loop takes 0.1 ms for a request and 0.1 ms to check a proof. The store does one
  grant at a time, with exponential times of 25 ms on average, so it can do 40 a second.
- 8 honest sessions a second ask for one grant each, 80 % of them from established accounts. The median machine does 133 attempts
  a second, with a lognormal spread of 0.5. A session that is refused solves on, comes back when it is told to, and gives up after 120 s.
- A machine of the attack is as fast as the median honest one. It solves without a pause, each time for a fresh account from a
  fresh network, and what is refused comes back for 120 s.
- An attack lasts 8 minutes; for other laws it is 5, for floods of false proofs and free requests 4. Sessions count that begin during an attack and at least
  120 s before its end.

A time is from the first request to the grant; "done" is when the store has done its work. Prices are in multiples of the
floor: the final one (the median of the last minute), and the peak. Each row shows the worst of its seeds, for each figure on its own.`;

const afterAttacks = `What the proof of work does not do: the time of new users grows with the number of machines. With 1,000 of them it is most of a
minute, and some give up. Machines that own many established accounts cannot be told from honest users by their work; they make it
slow for all of them. While false proofs come from an endless supply of accounts, new users wait for a check.`;

/** Price over time for one seed of these scenarios. */
function pricePlot(rows) {
  const names = ['10 machines', '100 machines', '1000 machines', '300 machines in pulses, 20 s of 80 s'];
  return linePlot({
    title: 'Price of a new account under attack (attack from 60 s to 540 s)',
    xLabel: 'seconds',
    yLabel: 'times the floor',
    isLogY: true,
    series: names.map((name) => {
      const { runs } = rows.find(({ scenario }) => scenario.name === name);
      return { name, points: runs[0].history.map((row) => [row.at, row.new]) };
    }),
  });
}

function lawPlot(rows) {
  const own = groupOf(rows, 'baseline');
  const names = [...new Set(own.map(({ scenario }) => scenario.machines))];
  return barPlot({
    title: 'Established users: p95 of the time to a grant',
    yLabel: 'seconds',
    isLogY: true,
    groups: names.map((machines) => ({
      name: `${machines} machines`,
      bars: own
        .filter(({ scenario }) => scenario.machines === machines)
        .map(({ scenario, worst }) => ({ name: scenario.lawName, value: worst.established.p95 })),
    })),
  });
}

function page(rows) {
  return [
    intro,
    '### Attacks that pay',
    attackTable(groupOf(rows, 'flood', 'aged', 'variant')),
    afterAttacks,
    '![Price over time for four attacks](admission-simulation.svg)',
    '### Attacks that do not pay, and an honest burst',
    attackTable(groupOf(rows, 'free', 'jobs')),
    jobsText(rows),
    '### Other laws',
    'The same arrivals and the same daemon. Without a proof of work, a machine sends 20 requests a second. The first three laws have one line for all users and no tiers. The law of Tor 327 follows the text of the proposal, with a period of 10 s in place of 300 s. Times are of those who were admitted.',
    baselineTable(groupOf(rows, 'baseline')),
    '![Established users under five laws](admission-laws.svg)',
    '### Goals',
    'The command ends with 1 when one of them is missed.',
    goalTable(rows),
  ].join('\n\n');
}

export function writeDocs(rows) {
  writeFileSync(docs('admission-simulation.svg'), pricePlot(rows));
  writeFileSync(docs('admission-laws.svg'), lawPlot(rows));
  writeSection(docs('admission.md'), 'simulation', page(rows));
}
