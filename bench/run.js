// `npm run bench`: pushes and pulls beside other programs, in turn (A B A B), as docs/performance.md describes. Options
// after `--`: --rounds N (5), --only TEXT,TEXT (data whose name has one of them), --quick (small data, one round), --dir FOLDER (where
// repositories and targets lie; the system's temp folder), --tmpfs FOLDER (the same in memory), --data FOLDER (where the data is made
// and kept), --json FILE, --from FILE (show what such a file has, measure nothing), --write (into docs/performance.md,
// with plots). Ends with 1 when a goal is missed.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, setup } from '../scripts/setup.js';
import { writeSection } from './report.js';
import { createChains, wantedChains } from './speed/chains.js';
import { judge } from './speed/goals.js';
import { jaycloud } from './speed/jaycloud.js';
import { limitText } from './speed/limits.js';
import { describeMachine, isThere } from './speed/measure.js';
import { peers } from './speed/peers.js';
import { playChain } from './speed/play.js';
import { leastOf, measurePrimitives } from './speed/primitives.js';
import { chainTable, judgedText, machineLine, othersCores, plots, ratioTable, sectionText } from './speed/show.js';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string' },
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    dir: { type: 'string', default: tmpdir() },
    tmpfs: { type: 'string' },
    data: { type: 'string', default: join(tmpdir(), 'jaycloud-bench-data') },
    json: { type: 'string' },
    from: { type: 'string' },
    write: { type: 'boolean', default: false },
    // Given by the bench to itself, once it has a network of its own.
    isolated: { type: 'boolean', default: false },
  },
});
const isQuick = flags.quick;
const isTmpfs = flags.tmpfs !== undefined;
const rounds = Number(flags.rounds ?? (isQuick ? 1 : 5));
const say = (text) => console.error(text);

const ownNetwork = ['--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];

/**
 * Runs the bench again in a network of its own, so that no bytes of others are counted; undefined where it may not make
 * one. Data is made before, while there is a way to the archives.
 */
async function runIsolated() {
  if (spawnSync('unshare', [...ownNetwork, 'true']).status !== 0) return undefined;
  mkdirSync(flags.data, { recursive: true });
  for (const chain of wantedChains(isQuick, flags.only)) {
    try {
      await chain.make(flags.data, say);
    } catch (error) {
      say(`${chain.title}: ${error.message}`);
    }
  }
  const again = [process.execPath, ...process.argv.slice(1), '--isolated'];
  return spawnSync('unshare', [...ownNetwork, ...again], { stdio: 'inherit' }).status ?? 1;
}

async function measureAll(folder, work) {
  if (!isThere('/usr/bin/time')) {
    console.error('bench: GNU time is missing; on Debian: apt-get install time');
    process.exit(1);
  }
  const missing = peers.flatMap(({ name, needs }) =>
    needs.filter((program) => !isThere(program)).map((program) => ({ name, program })),
  );
  for (const { name, program } of missing) say(`bench: ${name} is left out: ${program} is missing`);
  const tools = [jaycloud, ...peers.filter(({ name }) => !missing.some((one) => one.name === name))];
  const wanted = wantedChains(isQuick, flags.only);
  const isLeftOut = ({ id }) => !wanted.some((chain) => chain.id === id);
  mkdirSync(flags.data, { recursive: true });
  const run = {
    isQuick,
    isTmpfs,
    isIsolated: flags.isolated,
    rounds,
    machine: describeMachine(folder),
    versions: tools.map((tool) => ({ name: tool.name, version: tool.version() })),
    missing: [...new Set(missing.map(({ name }) => name))],
    notPlayed: createChains(isQuick)
      .filter(isLeftOut)
      .map(({ title }) => title),
    chains: [],
    primitives: await measurePrimitives(work, flags.data, say),
  };
  for (const chain of wanted) {
    const stepTitles = Object.fromEntries(chain.steps.map(({ id, title }) => [id, title]));
    try {
      const played = await playChain({ chain, tools, rounds, dataFolder: flags.data, work, isTmpfs, say });
      run.chains.push({ ...played, stepTitles });
    } catch (error) {
      // Data that cannot be made here, without a registry for instance.
      say(`${chain.title}: ${error.message}`);
      run.notPlayed.push(`${chain.title} (${error.message})`);
    }
  }
  run.primitives = leastOf(run.primitives, await measurePrimitives(work, flags.data, say));
  return run;
}

function show(run) {
  const lines = judge(run.chains);
  const played = run.chains.filter(({ leftOut }) => leftOut === undefined);
  const parts = [
    machineLine(run),
    ...played.flatMap((chain) => [
      `${chain.title} (others had ${othersCores(chain).toFixed(2)} cores):`,
      chainTable(chain),
    ]),
  ];
  for (const { title, leftOut } of run.chains)
    if (leftOut !== undefined) parts.push(`${title} is left out: ${leftOut}`);
  console.log([...parts, ...limitText(run), ratioTable(played), judgedText(lines)].join('\n\n'));
  if (lines.some(({ verdict }) => verdict === 'missed')) process.exitCode = 1;
  if (!flags.write) return;
  const name = run.isTmpfs ? 'tmpfs' : 'disk';
  const pictures = plots(run.chains, name);
  for (const [file, svg] of Object.entries(pictures)) writeFileSync(join(root, 'docs', file), svg);
  const text = sectionText(run, lines, Object.keys(pictures));
  writeSection(join(root, 'docs', 'performance.md'), run.isTmpfs ? 'speed-tmpfs' : 'speed', text);
}

async function main() {
  if (flags.from !== undefined) return show(JSON.parse(readFileSync(flags.from, 'utf8')));
  if (!flags.isolated) {
    setup();
    const exit = await runIsolated();
    if (exit !== undefined) {
      process.exitCode = exit;
      return undefined;
    }
  }
  const folder = flags.tmpfs ?? flags.dir;
  const work = mkdtempSync(join(folder, 'jaycloud-bench-'));
  try {
    const run = await measureAll(folder, work);
    if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(run, undefined, 2)}\n`);
    return show(run);
  } finally {
    // After the figures are told: it takes minutes to delete what all rounds have left.
    rmSync(work, { recursive: true, force: true });
  }
}

await main();
