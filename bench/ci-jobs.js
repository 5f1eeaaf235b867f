// Two hundred CI jobs: real programs with push-only tokens push to one vault, some at once, half of them under one name.
// node bench/ci-jobs.js [JOBS] [AT ONCE]
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const [jobs = 200, atOnce = 16] = process.argv.slice(2).map(Number);
const work = mkdtempSync(join(tmpdir(), 'jaycloud-jobs-'));

function jaycloud(home, args, env) {
  return new Promise((resolve, reject) => {
    mkdirSync(home, { recursive: true });
    const child = spawn(process.execPath, [join(root, 'bin/jaycloud.js'), ...args, '--json'], {
      env: { PATH: process.env.PATH, HOME: home, JAYCLOUD_CREDENTIAL_STORE: 'file', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (piece) => {
      output += piece;
    });
    child.on('close', (exit) => {
      const lines = output.trim().split('\n');
      if (exit === 0) resolve(lines.map((line) => JSON.parse(line)));
      else reject(new Error(`${args.join(' ')} ended with ${exit}: ${output}`));
    });
  });
}

const daemon = spawn(
  process.execPath,
  [join(root, 'bin/jaycloudd.js'), 'serve', '--data', join(work, 'data'), '--listen', '127.0.0.1:0'],
  { stdio: ['ignore', 'pipe', 'ignore'] },
);
try {
  const [first] = await new Promise((resolve) =>
    createInterface({ input: daemon.stdout }).once('line', (line) => resolve([line])),
  );
  const { url } = JSON.parse(first);
  const owner = { JAYCLOUD_SERVER: url, JAYCLOUD_PASSWORD: 'bench' };
  const home = join(work, 'owner');
  await jaycloud(home, ['register', 'owner'], owner);
  const tokens = [];
  for (let made = 0; made < 8; made += 1) {
    tokens.push((await jaycloud(home, ['token', 'create', '--push-only', '--name-prefix', 'ci/'], owner)).at(-1).token);
  }
  const seconds = [];
  let next = 0;
  const runner = async () => {
    while (next < jobs) {
      const job = next;
      next += 1;
      const tree = join(work, `tree-${job}`);
      mkdirSync(tree);
      writeFileSync(join(tree, 'artifact'), `artifact of job ${job}`);
      const name = job % 2 === 0 ? 'ci/common' : `ci/own-${job}`;
      const startedAt = performance.now();
      await jaycloud(join(work, `job-${job}`), ['push', tree, '--name', name], { JAYCLOUD_TOKEN: tokens[job % 8] });
      seconds.push((performance.now() - startedAt) / 1000);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: atOnce }, runner));
  const total = (performance.now() - startedAt) / 1000;
  const lines = await jaycloud(home, ['log'], owner);
  seconds.sort((a, b) => a - b);
  const at = (share) => seconds[Math.min(seconds.length - 1, Math.floor(share * seconds.length))].toFixed(2);
  console.log(
    `${jobs} jobs, ${atOnce} at once, ${lines.at(-1).snapshots} snapshots in the log: ${total.toFixed(1)} s in all`,
  );
  console.log(`a job takes ${at(0.5)} s (median), ${at(0.95)} s (95 %), ${at(1)} s (longest)`);
} finally {
  daemon.kill();
  rmSync(work, { recursive: true, force: true });
}
