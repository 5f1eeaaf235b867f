// `npm run bench:flood`: real clients push to a real daemon while attackers flood it, with and without proof of work. Options
// after `--`: --quick (three minutes), --write (into docs/admission.md, with a plot), --seed N, --only TEXT (runs whose
// name has it). Ends with 1 when a line that must hold does not.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, setup } from '../scripts/setup.js';
import { writeSection } from './report.js';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    write: { type: 'boolean' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const isQuick = flags.quick === true;
const seed = Number(flags.seed);
const say = (text) => console.error(text);

setup();
const { attackAccounts, openPool } = await import('./flood/pool.js');
const { makeTemplate } = await import('./flood/template.js');
const { arrivalTimes } = await import('./flood/honest.js');
const { freePort } = await import('./flood/programs.js');
const { bogusTable, isDisturbed, judge, othersCores, pricePlot, resultTable } = await import('./flood/show.js');
const { readKeysFile, runOnce } = await import('./flood/run.js');

const settleS = 10;
const windowS = isQuick ? 25 : 60;
/** Of the runs whose slowest pushes are compared: a few more say much more. */
const longWindowS = isQuick ? 25 : 150;
const perSecond = 0.5;
const accountCount = 16_384;
/** The first accounts own the pool's proofs; the others send what is worth nothing. */
const poolAccounts = 4096;
const machineAttempts = 133;

const paid = (machines, pow) => ({
  name: `${machines} attackers, ${pow}`,
  pow,
  attack: { flood: 'paid', machines, anyLevel: pow === 'floor' },
});
const free = (machines) => ({ name: `${machines} attackers, off`, pow: 'off', attack: { flood: 'free', machines } });
const bogus = {
  name: 'bogus flood, adaptive',
  pow: 'adaptive',
  attack: { flood: 'bogus', requestsPerSecond: 5000 },
  isLong: true,
};
const idle = { name: 'idle, adaptive', pow: 'adaptive', isLong: true };
const all = [paid(10, 'adaptive'), paid(10, 'floor'), free(10)];
const aside = { ...bogus, name: 'bogus flood, at another server', isDummy: true };
const hasty = {
  ...bogus,
  name: 'bogus flood in haste, adaptive',
  attack: { ...bogus.attack, isHasty: true },
  isLong: false,
};
const hastyAside = { ...hasty, name: 'bogus flood in haste, at another server', isDummy: true };
// The pair that is compared by seconds stands together, so that the machine changes little between them.
all.push(paid(100, 'adaptive'), paid(100, 'floor'), free(100), idle, bogus, aside, hasty, hastyAside);
const quick = [paid(100, 'adaptive'), free(100), idle, bogus];
const runs = (isQuick ? quick : all).filter(({ name }) => name.includes(flags.only ?? ''));

/** Once more where programs of others had too much of the machine, whatever came out. */
async function runUndisturbed(run) {
  let best;
  for (let tries = 0; tries < (isQuick ? 1 : 3); tries += 1) {
    const result = await runOnce(run);
    if (best === undefined || othersCores(result) < othersCores(best)) best = result;
    if (run.isDummy || !isDisturbed(best)) break;
    say(`${run.name}: others had ${othersCores(result).toFixed(2)} cores`);
  }
  return best;
}

async function show(results) {
  const bogusRun = results.find(({ name }) => name === bogus.name);
  const lines = judge(results);
  const judged = lines.map(({ text, isHeld }) => `- ${isHeld ? 'held' : '**missed**'}: ${text}`).join('\n');
  const parts = [resultTable(results), judged];
  if (bogusRun !== undefined) parts.push('What the bogus flood was answered:', bogusTable(bogusRun));
  console.log(parts.join('\n\n'));
  if (lines.some(({ isHeld }) => !isHeld)) process.exitCode = 1;
  if (flags.write !== true) return;
  const { describeBench } = await import('./flood/describe.js');
  const text = describeBench({
    seed,
    settleS,
    windowS,
    longWindowS,
    perSecond,
    isQuick,
    results,
    judged,
  });
  writeSection(join(root, 'docs', 'admission.md'), 'flood', text);
  writeFileSync(join(root, 'docs', 'admission-flood.svg'), pricePlot(results));
}

const work = mkdtempSync(join(tmpdir(), 'jaycloud-flood-run-'));
try {
  const accounts = attackAccounts(seed, accountCount);
  const pool = await openPool({
    seed,
    attemptsPerSecond: 100 * machineAttempts,
    seconds: settleS + windowS + 5,
    accounts: accounts.slice(0, poolAccounts),
    say,
  });
  const [port, metricsPort] = [await freePort(), await freePort()];
  const template = join(work, 'template');
  const serverKeys = join(pool.folder, 'server-keys.json');
  await makeTemplate({ folder: template, serverKeys, attackers: accounts, port, seed, say });
  const keys = readKeysFile(pool.folder);
  const attack = { seed, accounts: accountCount, poolAccounts, poolFile: pool.file, keys };
  const shared = { work, template, port, metricsPort, settleS, seed, attack };
  const results = [];
  for (const run of runs) {
    say(run.name);
    const times = arrivalTimes({ seed, perSecond, seconds: run.isLong ? longWindowS : windowS });
    const result = await runUndisturbed({ ...run, shared: { ...shared, times } });
    say(resultTable([result]));
    for (const [why, count] of Object.entries(result.honest.why)) say(`  failed: ${count} x ${why}`);
    if (result.generator !== undefined) say(`  generator: ${JSON.stringify(result.generator.counts)}`);
    results.push(result);
  }
  writeFileSync(join(tmpdir(), 'jaycloud-flood-last.json'), JSON.stringify(results));
  await show(results);
} finally {
  rmSync(work, { recursive: true, force: true });
}
