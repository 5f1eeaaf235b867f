// `npm run bench:link`: jaycloud and restic over an emulated link with delay and loss, as docs/performance.md describes. Options
// after `--`: --only TEXT (links whose title has it; `small` is the small work), --tool NAME, --rounds N (1: the median counts),
// --quick (an eighth of the data), --congestion NAME (cubic), --dir FOLDER, --json FILE, --from FILE (show what such a file
// has, measure nothing), --write (into docs/performance.md). Ends with 1 when a goal is missed, and with 2 where there can
// be no link.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, setup } from '../scripts/setup.js';
import { farAddress, namespaceArgs, openFar, whyNoLink } from './link/network.js';
import { bulkLinks, linkFor, playBulk, playRoundTrips, smallTries } from './link/scenarios.js';
import { judgeLink, linkText } from './link/show.js';
import { median, writeSection } from './report.js';
import { jaycloud } from './speed/jaycloud.js';
import { createMeter, describeMachine, isThere } from './speed/measure.js';
import { restic } from './speed/peers.js';
import { loopback } from './speed/servers.js';

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    tool: { type: 'string', default: '' },
    rounds: { type: 'string', default: '1' },
    quick: { type: 'boolean', default: false },
    congestion: { type: 'string', default: 'cubic' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
    from: { type: 'string' },
    write: { type: 'boolean', default: false },
    // Given by the bench to itself, once it has a network of its own.
    isolated: { type: 'boolean', default: false },
  },
});
const quickPart = 8;
const say = (text) => console.error(text);

function middleOf(samples) {
  const of = (read) => median(samples.map(read));
  return { wall: of(({ wall }) => wall), memory: of(({ memory }) => memory) };
}

async function measureBulk(tool, link, shared) {
  const rounds = [];
  for (let round = 0; round < Number(flags.rounds); round += 1)
    rounds.push(await playBulk({ ...shared, tool, link, seed: 1 + 2 * round }));
  const [push, pull] = [rounds.map((one) => one.push), rounds.map((one) => one.pull)];
  const startUp = median(rounds.map((one) => one.startUp));
  say(
    `${link.title}: ${tool.name}: push ${middleOf(push).wall.toFixed(1)} s, pull ${middleOf(pull).wall.toFixed(1)} s`,
  );
  return { tool: tool.name, link, startUp, push: middleOf(push), pull: middleOf(pull) };
}

function describeRun(tools) {
  return {
    machine: describeMachine(flags.dir),
    congestion: flags.congestion,
    tries: `Small work: the shortest of ${smallTries} tries. The rest: ${flags.rounds === '1' ? 'one run' : `medians of ${flags.rounds} runs`}.`,
    versions: tools.map((tool) => ({ name: tool.name, version: tool.version() })),
    bulks: [],
    smalls: [],
    failures: [],
  };
}

async function measureAll(work) {
  const wanted = [jaycloud, restic].filter(({ name }) => name.includes(flags.tool));
  const tools = wanted.filter(({ needs }) => needs.every(isThere));
  for (const { name, needs } of wanted) if (!needs.every(isThere)) say(`bench: ${name} is left out: it needs ${needs}`);
  const space = await openFar();
  const logFile = join(work, 'daemon.log');
  const place = {
    ...loopback,
    address: farAddress,
    inside: space.inside,
    clientArgs: ['--allow-http'],
    daemonArgs: ['--allow-http', '--log-level', 'debug'],
    daemonLog: openSync(logFile, 'a'),
  };
  const shared = { space, congestion: flags.congestion, work, measure: createMeter(work), place, logFile, seed: 1 };
  const run = describeRun(tools);
  const attempt = async (tool, title, play) => {
    try {
      await play();
    } catch (error) {
      run.failures.push(`${tool.name}, ${title}: ${error.message}`);
      say(run.failures.at(-1));
    }
  };
  try {
    const links = bulkLinks.filter(({ title }) => title.includes(flags.only));
    for (const link of flags.quick ? links.map((one) => ({ ...one, bytes: one.bytes / quickPart })) : links)
      for (const tool of tools)
        await attempt(tool, link.title, async () =>
          run.bulks.push(await measureBulk(tool, linkFor(tool, link), shared)),
        );
    if ('small'.includes(flags.only))
      for (const tool of tools)
        await attempt(tool, 'small work', async () =>
          run.smalls.push({ tool: tool.name, rtts: await playRoundTrips({ ...shared, tool }) }),
        );
  } finally {
    space.close();
  }
  return run;
}

function show(run) {
  const text = linkText(run);
  console.log(text);
  if (run.failures.length > 0 || judgeLink(run).some(({ isHeld }) => !isHeld)) process.exitCode = 1;
  if (flags.write) writeSection(join(root, 'docs', 'performance.md'), 'link', text);
}

async function main() {
  if (flags.from !== undefined) return show(JSON.parse(readFileSync(flags.from, 'utf8')));
  if (!flags.isolated) {
    setup();
    const lack = isThere('/usr/bin/time') ? await whyNoLink() : 'GNU time is missing';
    if (lack !== undefined) {
      console.error(`bench: no link can be emulated here: ${lack}`);
      process.exitCode = 2;
      return undefined;
    }
    const again = [process.execPath, ...process.argv.slice(1), '--isolated'];
    process.exitCode = spawnSync('unshare', [...namespaceArgs(), ...again], { stdio: 'inherit' }).status ?? 1;
    return undefined;
  }
  mkdirSync(flags.dir, { recursive: true });
  const work = mkdtempSync(join(flags.dir, 'jaycloud-link-'));
  try {
    const run = await measureAll(work);
    if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(run, undefined, 2)}\n`);
    return show(run);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

await main();
