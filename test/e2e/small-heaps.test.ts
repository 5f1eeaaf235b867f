// How much room V8 takes for young objects in a push (docs/decisions/0019-small-heaps.md), with real threads, which need the built files.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startChallenges } from '../helpers/challenges.js';

const dist = new URL('../../dist/', import.meta.url);
const megabyte = 1024 * 1024;

/** Runs `script` in a Node process of its own and gives back what it logged as JSON; `youngBytes` churns first, then tells the room. */
async function run(script: string): Promise<unknown> {
  const source = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { Worker } from 'node:worker_threads';
    import { lstatSync } from 'node:fs';
    const load = (path) => import(new URL(path, ${JSON.stringify(dist.href)}));
    function youngBytes(getStatistics) {
      let kept = [];
      for (let i = 0; i < 1_500_000; i += 1) {
        kept.push({ i, of: [i] });
        if (kept.length > 150_000) kept = [];
      }
      return getStatistics().find(({ space_name }) => space_name === 'new_space').space_size;
    }
    const { keepHeapsSmall } = await load('client/thread-memory.js');
    ${script}`;
  const folder = mkdtempSync(join(tmpdir(), 'jaycloud-heaps-'));
  try {
    const program = join(folder, 'program.mjs');
    writeFileSync(program, source);
    const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 30_000 });
    return JSON.parse(stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the young objects of a push', () => {
  it('get no more room in the heap of the main thread once that is to stay small', async () => {
    const bytes = await run('keepHeapsSmall(); console.log(youngBytes(getHeapSpaceStatistics));');
    expect(bytes).toBeLessThanOrEqual(8 * megabyte);
  });

  it('get no more there when a thread for proof of work has started', async () => {
    const challenge = startChallenges({ price: { puzzles: 1, effort256: 256 } }).issue({
      purpose: 'upload',
      accountId: 'aa',
    });
    const bytes = await run(`
      const { createSolver } = await load('client/solver.js');
      keepHeapsSmall();
      const solver = createSolver({});
      await solver.solve(${JSON.stringify(challenge)});
      console.log(youngBytes(getHeapSpaceStatistics));
      await solver.close();`);
    expect(bytes).toBeLessThanOrEqual(8 * megabyte);
  });

  it('get no more there when a sealing thread has started', async () => {
    const bytes = await run(`
      const { SealPool } = await load('client/push/seal-pool.js');
      const { sourceStatOf } = await load('client/push/source-stat.js');
      keepHeapsSmall();
      const domains = [{ salt: new Uint8Array(32), chunkerSecret: undefined }];
      const ignore = () => undefined;
      const events = { onRun: ({ giveBack }) => giveBack(), onPassed: ignore, onWaiting: ignore, onFiles: ignore };
      const pool = new SealPool(domains, false, events, 1);
      const [, source] = process.argv;
      pool.add({ ticket: 1, source, domain: 0, stat: sourceStatOf(lstatSync(source, { bigint: true })) });
      await pool.drain();
      console.log(youngBytes(getHeapSpaceStatistics));
      await pool.close();`);
    expect(bytes).toBeLessThanOrEqual(8 * megabyte);
  });

  it('get a few megabytes in a thread that is started without a bound of its own', async () => {
    const bytes = await run(`
      keepHeapsSmall();
      const code = \`\${youngBytes}
        require('node:worker_threads').parentPort.postMessage(youngBytes(require('node:v8').getHeapSpaceStatistics));\`;
      const bytes = await new Promise((resolve) => new Worker(code, { eval: true }).once('message', resolve));
      console.log(bytes);`);
    expect(bytes).toBeLessThanOrEqual(4 * megabyte);
  });
});
