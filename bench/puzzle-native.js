// Compiles and runs the native solver of bench/native: what an attacker has who writes C.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../scripts/setup.js';
import { median } from './report.js';

/** Undefined where there is no C compiler, or none that takes the source. Compiled for this processor alone. */
export function createNativeSolver() {
  const folder = mkdtempSync(join(tmpdir(), 'jaycloud-eq60-'));
  const program = join(folder, 'eq60');
  const source = join(root, 'bench', 'native', 'eq60.c');
  const compiled = spawnSync('cc', ['-O3', '-march=native', source, '-o', program], { encoding: 'utf8' });
  const close = () => rmSync(folder, { recursive: true, force: true });
  if (compiled.status !== 0) {
    close();
    return undefined;
  }
  function run(args, input = '') {
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', input, maxBuffer: 1 << 28 });
    if (status !== 0) throw new Error(`eq60 ${args.join(' ')} ended with ${status}: ${stderr}`);
    return stdout.trim().split('\n');
  }
  function solve(seed, first, count, flags = []) {
    const lines = run(['solve', Buffer.from(seed).toString('hex'), String(first), String(count), ...flags]);
    const figures = Object.fromEntries(lines.slice(-3).map((line) => line.split(' ')));
    return { found: lines.slice(0, -3), cpuMs: (figures.cpu * 1000) / count, hashMs: (figures.hash * 1000) / count };
  }
  return {
    close,
    program,
    /** "j x0 .. x7" of every sub-solution of attempts 0 to `count`. */
    findAll: (seed, count) => solve(seed, 0, count).found,
    /** Milliseconds of CPU for an attempt, and for its hashes alone: medians of `batches`. */
    measure(seed, batches, attempts, flags = []) {
      const runs = Array.from({ length: batches }, (_, batch) => solve(seed, batch * attempts, attempts, flags));
      return { cpuMs: median(runs.map((one) => one.cpuMs)), hashMs: median(runs.map((one) => one.hashMs)) };
    },
    /** For each {seed, effort256, count} the records that count, as the `solutions` field of a proof. */
    prove(tasks) {
      const lines = tasks.map(
        ({ seed, effort256, count }) => `${Buffer.from(seed).toString('hex')} ${effort256} ${count}`,
      );
      return run(['serve'], `${lines.join('\n')}\n`).map((hex) => Buffer.from(hex, 'hex').toString('base64url'));
    },
  };
}
