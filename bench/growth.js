// `npm run bench:growth`: what one more blob, byte, client and file costs when there are many, as docs/performance.md
// describes. Options after `--`: --quick (small data, some minutes), --only TEXT (existence, uploads, clients, files), --dir FOLDER
// (where daemons store; the system's temp folder), --data FOLDER (where databases and trees are made and kept), --json FILE, --from
// FILE (show what such a file has, measure nothing; several show the parts of all), --write (into docs/performance.md). Ends with 1 when a goal is missed.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, setup } from '../scripts/setup.js';
import { judge } from './growth/goals.js';
import { judgedText, machineLine, sectionText, tables } from './growth/show.js';
import { writeSection } from './report.js';
import { describeMachine } from './speed/measure.js';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    dir: { type: 'string', default: tmpdir() },
    data: { type: 'string', default: join(tmpdir(), 'jaycloud-bench-data') },
    json: { type: 'string' },
    from: { type: 'string', multiple: true },
    write: { type: 'boolean', default: false },
  },
});
const isQuick = flags.quick;
const say = (text) => console.error(text);
const mib = 1 << 20;

const plan = isQuick
  ? { blobs: [1e4, 1e5], requests: 100, uploadRounds: 4, clients: [1, 4, 16], memoryBytes: 64 * mib, files: [1e3, 1e4] }
  : {
      blobs: [1e4, 1e5, 1e6, 1e7],
      requests: 800,
      uploadRounds: 16,
      clients: [1, 10, 100],
      memoryBytes: 256 * mib,
      files: [1e3, 1e4, 1e5, 1e6],
    };

async function each(values, measure) {
  const rows = [];
  for (const value of values) rows.push(await measure(value));
  return rows;
}

async function measureClientsPart({ folder, work }) {
  const { measureClients, measureMemory } = await import('./growth/clients.js');
  const pushes = plan.clients.at(-1);
  const shared = { folder, work, accounts: Math.max(8, pushes), say };
  const clients = await each(plan.clients, (count) => {
    say(`${count} clients`);
    return measureClients({ ...shared, clients: count, pushes });
  });
  say('8 clients with large files');
  return { clients, memory: await measureMemory({ ...shared, bytesEach: plan.memoryBytes }) };
}

/** What each part adds to the run. They load the build, so they are imported once it is made. */
const parts = {
  existence: async ({ folder }) => {
    const { measureExistence } = await import('./growth/existence.js');
    return {
      existence: await each(plan.blobs, (blobCount) => {
        say(`existence among ${blobCount} blobs`);
        return measureExistence({ folder, blobCount, requests: plan.requests, say });
      }),
    };
  },
  uploads: async ({ work }) => {
    const { measureUploads } = await import('./growth/uploads.js');
    say('uploads');
    return { uploads: await measureUploads({ work, rounds: plan.uploadRounds }) };
  },
  clients: measureClientsPart,
  files: async ({ folder, work }) => {
    const { canMeasureFiles, measureFiles } = await import('./growth/files.js');
    if (!canMeasureFiles()) {
      say('files are left out: GNU time is missing; on Debian: apt-get install time');
      return {};
    }
    return {
      files: await each([1, ...plan.files], (files) => {
        say(`${files} files`);
        return measureFiles({ folder, work, files, say });
      }),
    };
  },
};

function show(run) {
  const lines = judge(run);
  const shown = tables(run).map(([title, text]) => `${title}:\n\n${text}`);
  console.log([machineLine(run), ...shown, judgedText(lines)].join('\n\n'));
  if (lines.some(({ verdict }) => verdict === 'missed')) process.exitCode = 1;
  if (flags.write) writeSection(join(root, 'docs', 'performance.md'), 'growth', sectionText(run, lines));
}

async function main() {
  if (flags.from !== undefined)
    return show(Object.assign({}, ...flags.from.map((file) => JSON.parse(readFileSync(file, 'utf8')))));
  setup();
  mkdirSync(flags.data, { recursive: true });
  const work = mkdtempSync(join(flags.dir, 'jaycloud-growth-'));
  try {
    const run = { isQuick, machine: describeMachine(work) };
    for (const [name, measure] of Object.entries(parts))
      if (name.includes(flags.only)) Object.assign(run, await measure({ folder: flags.data, work }));
    if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(run, undefined, 2)}\n`);
    return show(run);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

await main();
