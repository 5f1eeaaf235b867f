// `npm run bench`: push and pull beside restic over `rclone serve restic`, in turn (A B A B), medians and ratios.
// Needs restic and rclone (Debian packages). Options: --rounds N (3), --dir FOLDER (where everything lies; the system's
// temp folder), --random MIB (1024), --tree FOLDER (a real tree; by default Debian's linux-source-6.1, else a made one),
// --only random|tree, --json FILE.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { hasNativeZstd, root, setup } from '../scripts/setup.js';
import { makeTree } from './make-tree.js';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    dir: { type: 'string', default: tmpdir() },
    random: { type: 'string', default: '1024' },
    tree: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'string' },
  },
});
const rounds = Number(flags.rounds);
const secret = 'bench password';

/** Runs a program to its end; seconds of wall clock and of CPU, peak memory in MB, from GNU time. */
function measure(command, args, env) {
  const log = join(work, 'time.log');
  const timed = ['-f', '%e %U %S %M', '-o', log, command, ...args];
  const result = spawnSync('/usr/bin/time', timed, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 1 << 28,
  });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${result.status}:\n${result.stderr}`);
  const [wall, user, system, kilobytes] = readFileSync(log, 'utf8').trim().split('\n').at(-1).split(' ').map(Number);
  return { wall, cpu: user + system, megabytes: Math.round(kilobytes / 1024), stdout: result.stdout };
}

function storedMegabytes(folder) {
  return Math.round(Number(spawnSync('du', ['-sm', folder], { encoding: 'utf8' }).stdout.split('\t')[0]));
}

async function waitForPort(url) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      await fetch(url);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`${url} does not answer`);
}

const jaycloud = {
  name: 'jaycloud',
  async start(folder) {
    const data = join(folder, 'data');
    const program = join(root, 'bin', 'jaycloudd.js');
    const child = spawn(process.execPath, [program, 'serve', '--data', data, '--listen', '127.0.0.1:0'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const line = await new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
    const env = {
      JAYCLOUD_SERVER: JSON.parse(line).url,
      JAYCLOUD_CONFIG_DIR: join(folder, 'config'),
      JAYCLOUD_CACHE_DIR: join(folder, 'cache'),
      JAYCLOUD_CREDENTIAL_STORE: 'file',
      JAYCLOUD_PASSWORD: secret,
    };
    const client = (...args) => measure(process.execPath, [join(root, 'bin', 'jaycloud.js'), '--quiet', ...args], env);
    // A user of one's own daemon is an invited one: newcomers pay more, and no peer has newcomers.
    const inviting = spawnSync(process.execPath, [program, 'user', 'invite', '--data', data], { encoding: 'utf8' });
    env.JAYCLOUD_INVITE = inviting.stdout.trim();
    client('register', 'bench');
    delete env.JAYCLOUD_INVITE;
    return {
      push: (tree) => client('push', tree, '--name', 'bench'),
      pull: (out) => client('pull', 'bench', out),
      stored: () => storedMegabytes(data),
      stop: () => stop(child),
    };
  },
};

let resticPort = 18_000 + Math.floor(Math.random() * 20_000);
const restic = {
  name: 'restic',
  async start(folder) {
    const data = join(folder, 'data');
    mkdirSync(data, { recursive: true });
    resticPort += 1;
    const address = `127.0.0.1:${resticPort}`;
    const child = spawn('rclone', ['serve', 'restic', '--addr', address, data], { stdio: 'ignore' });
    await waitForPort(`http://${address}/`);
    const env = {
      RESTIC_REPOSITORY: `rest:http://${address}/`,
      RESTIC_PASSWORD: secret,
      RESTIC_CACHE_DIR: join(folder, 'cache'),
    };
    const client = (...args) => measure('restic', ['--quiet', ...args], env);
    client('init');
    return {
      push: (tree) => client('backup', tree),
      pull: (out) => client('restore', 'latest', '--target', out),
      stored: () => storedMegabytes(data),
      stop: () => stop(child),
    };
  },
};

function stop(child) {
  return new Promise((resolve) => {
    child.once('close', resolve);
    child.kill('SIGTERM');
  });
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

/**
 * One cold push, one unchanged push and one pull with a repository of its own. What a tree of many files leaves stays until
 * the end: for minutes ext4 searches around every inode that was just freed, so that removing one tool's files would slow
 * down the next one's pull, tenfold for tens of thousands of them.
 */
async function round(tool, tree, files) {
  const folder = mkdtempSync(join(work, `${tool.name}-`));
  const out = join(folder, 'out');
  // Dirty pages of the tool before would be written at this one's cost, and whoever goes first would read from the disk.
  spawnSync('sync');
  spawnSync('find', [tree, '-type', 'f', '-exec', 'cat', '{}', '+'], { stdio: 'ignore' });
  const server = await tool.start(folder);
  try {
    const push = server.push(tree);
    const stored = server.stored();
    const again = server.push(tree);
    const pull = server.pull(out);
    return { push, again, pull, stored };
  } finally {
    await server.stop();
    if (files < 1000) rmSync(folder, { recursive: true });
  }
}

async function compare(title, tree, files) {
  const results = { jaycloud: [], restic: [] };
  for (let at = 0; at < rounds; at += 1) {
    for (const tool of at % 2 === 0 ? [jaycloud, restic] : [restic, jaycloud]) {
      const result = await round(tool, tree, files);
      results[tool.name].push(result);
      const walls = [result.push, result.again, result.pull].map(({ wall }) => wall.toFixed(2));
      process.stderr.write(`${title}: ${tool.name} round ${at + 1} of ${rounds}: ${walls.join(', ')} s\n`);
    }
  }
  const rows = [];
  for (const [step, what] of [
    ['push', 'push, cold'],
    ['again', 'push, unchanged'],
    ['pull', 'pull'],
  ]) {
    const of = (name, field) => median(results[name].map((one) => one[step][field]));
    const ratio = of('jaycloud', 'wall') / of('restic', 'wall');
    rows.push({
      work: `${title}: ${what}`,
      ratio,
      ...Object.fromEntries(
        ['jaycloud', 'restic'].map((name) => [
          name,
          { wall: of(name, 'wall'), cpu: of(name, 'cpu'), megabytes: of(name, 'megabytes') },
        ]),
      ),
    });
  }
  const stored = (name) => median(results[name].map((one) => one.stored));
  rows[0].stored = { jaycloud: stored('jaycloud'), restic: stored('restic') };
  return rows;
}

const randomFiles = 4;

async function makeRandom(folder, megabytes) {
  mkdirSync(folder, { recursive: true });
  for (let at = 0; at < randomFiles; at += 1) {
    const out = createWriteStream(join(folder, `random-${at}`));
    for (let mib = 0; mib < megabytes / randomFiles; mib += 1) {
      // Seeded, so that a run can be repeated; SHAKE so that nothing compresses.
      const block = createHash('shake256', { outputLength: 1 << 20 })
        .update(`jaycloud bench ${at} ${mib}`)
        .digest();
      if (!out.write(block)) await new Promise((resolve) => out.once('drain', resolve));
    }
    await new Promise((resolve) => out.end(resolve));
  }
}

setup();
for (const tool of ['restic', 'rclone', '/usr/bin/time']) {
  if (spawnSync(tool, ['--version']).error !== undefined) {
    console.error(`bench: ${tool} is missing; on Debian: apt-get install restic rclone time`);
    process.exit(1);
  }
}
const work = mkdtempSync(join(flags.dir, 'jaycloud-bench-'));
try {
  const rows = [];
  if (flags.only !== 'tree') {
    const random = join(work, 'random');
    await makeRandom(random, Number(flags.random));
    rows.push(...(await compare(`${flags.random} MiB random`, random, randomFiles)));
  }
  if (flags.only !== 'random') {
    const tree = flags.tree ?? makeTree(join(work, 'tree'));
    const files = Number(spawnSync('sh', ['-c', `find "${tree}" -type f | wc -l`], { encoding: 'utf8' }).stdout);
    rows.push(...(await compare(`tree of ${files} files`, tree, files)));
  }
  const version = (command, ...args) => spawnSync(command, args, { encoding: 'utf8' }).stdout.split('\n')[0];
  console.log(
    `${version('restic', 'version')}; ${version('rclone', 'version')}; Node ${process.version}, ${hasNativeZstd() ? 'native zstd' : 'zstd as WebAssembly'}; ${cpus().length} cores (${cpus()[0].model}); ${rounds} rounds, medians`,
  );
  console.log('| work | jaycloud s | restic s | ratio | CPU s | peak MB | stored MB |\n|---|---|---|---|---|---|---|');
  for (const { work: what, jaycloud: a, restic: b, ratio, stored } of rows) {
    const kept = stored === undefined ? '' : `${stored.jaycloud} / ${stored.restic}`;
    console.log(
      `| ${what} | ${a.wall.toFixed(2)} | ${b.wall.toFixed(2)} | ${ratio.toFixed(2)} | ${a.cpu.toFixed(1)} / ${b.cpu.toFixed(1)} | ${a.megabytes} / ${b.megabytes} | ${kept} |`,
    );
  }
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(rows, undefined, 2)}\n`);
  if (!existsSync(work)) throw new Error('the work folder is gone');
} finally {
  rmSync(work, { recursive: true, force: true });
}
