// The daemon's admission under simulated attacks (docs/admission.md, "The controller, simulated"). Options: --write (the section
// of docs/admission.md and its plots), --quick (fewer scenarios, one seed),
// --only TEXT (scenarios whose name holds it). Ends with 1 where a goal is missed.
import { parseArgs } from 'node:util';
import { judge, worstOf } from './judge.js';
import { runAll } from './pool.js';
import { quickNames, scenarios } from './scenarios.js';
import { goalTable, tables, writeDocs } from './show.js';

const { values: flags } = parseArgs({
  options: { write: { type: 'boolean' }, quick: { type: 'boolean' }, only: { type: 'string' } },
});

const isWanted = ({ name }) => name.includes(flags.only ?? '') && (!flags.quick || quickNames.has(name));
const wanted = scenarios.filter(isWanted);
// A rough measure of what a run costs, so that the long ones do not come last.
const costOf = ({ attackers = 0, agedPart = 0, requests = 0, freeRequests = 0, invalid, law }) =>
  attackers * (1 + 20 * agedPart) * (law === 'fixed' || law === 'tor' ? 50 : 1) +
  2 * (requests + freeRequests + (invalid?.perSecond ?? 0));
const tasks = wanted
  .flatMap((scenario) =>
    Array.from({ length: flags.quick ? 1 : (scenario.seeds ?? 1) }, (_, i) => ({ scenario, seed: i + 1 })),
  )
  .sort((a, b) => costOf(b.scenario) - costOf(a.scenario));

const begin = performance.now();
const runs = await runAll(tasks);
const rows = wanted.map((scenario) => {
  const own = runs.filter((_, i) => tasks[i].scenario === scenario);
  const worst = worstOf(own);
  return { scenario, worst, runs: own, goals: judge(scenario, worst) };
});
const events = runs.reduce((sum, run) => sum + run.events, 0);
const took = (performance.now() - begin) / 1000;

process.stdout.write(`${tables(rows)}\n\n${goalTable(rows)}\n\n`);
process.stdout.write(`${runs.length} runs, ${(events / 1e6).toFixed(1)} million events, ${took.toFixed(1)} s\n`);
if (flags.write) {
  if (flags.quick || flags.only) throw new Error('--write needs all scenarios');
  writeDocs(rows);
}

const missed = rows.flatMap(({ scenario, goals }) =>
  goals.filter(({ isMet }) => !isMet).map(({ goal, value }) => `missed: ${scenario.name}: ${goal}; it is ${value}`),
);
for (const line of missed) process.stdout.write(`${line}\n`);
if (missed.length > 0) process.exitCode = 1;
else process.stdout.write('every goal is met\n');
