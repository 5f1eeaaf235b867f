// `npm run bench:profile`: where processor time goes in each row of the benchmark, client and daemon apart. Options after `--`:
// --only TEXT,TEXT (data whose name has one of them), --quick (small data), --dir FOLDER, --data FOLDER (where data is made and kept),
// --write (into docs/performance.md). Ends with 2 where perf cannot be used.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, setup } from '../scripts/setup.js';
import { table, writeSection } from './report.js';
import { wantedChains } from './speed/chains.js';
import { jaycloud } from './speed/jaycloud.js';
import { createMeter, describeMachine, isThere } from './speed/measure.js';
import { prepareStep } from './speed/play.js';
import { kindTitles, profile, whyNoProfile } from './speed/profile.js';

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    dir: { type: 'string', default: tmpdir() },
    data: { type: 'string', default: join(tmpdir(), 'jaycloud-bench-data') },
    write: { type: 'boolean', default: false },
  },
});
const say = (text) => console.error(text);

/** One chain, each step once with the profiler beside it. */
async function profileChain(chain, work) {
  const data = await chain.make(flags.data, say);
  const folder = mkdtempSync(join(work, 'chain-'));
  const steps = [];
  data.to(0);
  const server = await jaycloud.start(folder, createMeter(work));
  try {
    for (const step of chain.steps) {
      const play = prepareStep({ step, server, data, out: join(folder, 'out') });
      const { result: tries, ...shares } = await profile(play, { daemonPid: server.serverPid, folder: work });
      const wall = tries.reduce((sum, one) => sum + one.wall, 0);
      const title = `${data.name ?? chain.title}: ${step.title}`;
      steps.push({ title, times: tries.length, wall, ...shares });
      say(`${title}: ${wall.toFixed(2)} s`);
    }
  } finally {
    await server.stop();
    data.to(0);
  }
  return steps;
}

const small = (value) => (value < 0.005 ? '-' : value.toFixed(2));

function rowsOf({ title, times, wall, client, daemon, others }, cores) {
  const row = (name, { seconds, mainThread, byKind, calls }) => [
    name === 'client' ? title : '',
    name === 'client' ? (wall / times).toFixed(2) : '',
    name,
    small(seconds / times),
    ...byKind.map((kind) => small(kind / times)),
    `${Math.round((100 * mainThread) / wall)} %`,
    Math.round(calls / times).toLocaleString('en-US'),
  ];
  const rest = (name, seconds) => [
    '',
    '',
    name,
    small(Math.max(0, seconds / times)),
    ...kindTitles.map(() => ''),
    '',
    '',
  ];
  return [
    row('client', client),
    row('daemon', daemon),
    rest('kernel threads', others),
    rest('idle', cores * wall - client.seconds - daemon.seconds - others),
  ];
}

async function main() {
  setup();
  const lack = isThere('/usr/bin/time') ? whyNoProfile() : 'GNU time is missing';
  if (lack !== undefined) {
    console.error(`bench: nothing can be profiled here: ${lack}`);
    process.exitCode = 2;
    return;
  }
  mkdirSync(flags.dir, { recursive: true });
  const work = mkdtempSync(join(flags.dir, 'jaycloud-profile-'));
  try {
    const steps = [];
    for (const chain of wantedChains(flags.quick, flags.only)) steps.push(...(await profileChain(chain, work)));
    const { node, cores, cpu, kernel, fileSystem } = describeMachine(work);
    const headers = ['work', 'wall s', 'program', 'CPU s', ...kindTitles, 'main thread', 'system calls'];
    const text = [
      `${node} on ${cores} cores of ${cpu}, Linux ${kernel}, ${fileSystem}. One run of each step, with the profiler beside it.`,
      table(
        headers,
        steps.flatMap((step) => rowsOf(step, cores)),
      ),
    ].join('\n\n');
    console.log(text);
    if (flags.write) writeSection(join(root, 'docs', 'performance.md'), 'profile', text);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

await main();
