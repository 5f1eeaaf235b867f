// The solver with real threads, which need the built files (docs/proof-of-work.md, "Solving").
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { freePrice } from '../../src/daemon/admission/prices.js';
import type { CreateChallengeResponse } from '../../src/protocol/messages.js';
import { startChallenges, type TestPrice } from '../helpers/challenges.js';

const dist = new URL('../../dist/', import.meta.url);
const timeoutMs = 30_000;
const accountId = 'aa';
/** 8 attempts: work for one thread. */
const cheap: TestPrice = { puzzles: 16, effort256: 256 };
/** 64 attempts: what a push pays at most while nobody waits, and still work for one. */
const ahead: TestPrice = { puzzles: 16, effort256: 2048 };
/** 80 attempts: work for two. */
const fair: TestPrice = { puzzles: 16, effort256: 2560 };
/** 200 attempts: work for four, if there may be so many. */
const dear: TestPrice = { puzzles: 16, effort256: 6400 };
/** Nobody solves this one while a test waits. */
const endless: TestPrice = { puzzles: 64, effort256: 2 ** 32 - 1 };

beforeAll(() => {
  if (!existsSync(new URL('client/solver-worker.js', dist))) {
    throw new Error('dist/ is missing: build the project before the end-to-end tests');
  }
});

function issue(price: TestPrice, count: number) {
  const challenges = startChallenges({ price });
  return {
    challenges,
    issued: Array.from({ length: count }, () => challenges.issue({ purpose: 'upload', accountId })),
  };
}

/**
 * Runs `script` in a Node process of its own, with the solver's exports, the challenges `given` and the `workers`
 * started so far at hand; gives back what it logged as JSON. The process must end by itself.
 */
async function run(given: readonly CreateChallengeResponse[], script: string, flags: string[] = []): Promise<unknown> {
  const source = `
    import { createSolver } from ${JSON.stringify(new URL('client/solver.js', dist).href)};
    const given = ${JSON.stringify(given)};
    const workers = [];
    process.on('worker', (worker) => workers.push(worker));
    const solveChallenge = async (challenge, options = {}) => {
      const solver = createSolver(options);
      try {
        return await solver.solve(challenge);
      } finally {
        await solver.close();
      }
    };
    const outcome = (promise) => promise.then(() => 'solved', (error) => error.name + ' ' + error.code);
    ${script}`;
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--input-type=module', '-e', source], {
    timeout: timeoutMs,
  });
  return JSON.parse(stdout);
}

describe('the solver', () => {
  it('solves several challenges on the same threads, and idle threads do not hold the process', async () => {
    const { challenges, issued } = issue(fair, 3);
    const result = (await run(
      issued,
      `const solver = createSolver({ threads: 2 });
       const progress = [];
       const onProgress = (found, needed) => progress.push([found, needed]);
       const first = await solver.solve(given[0], { onProgress });
       const rest = await Promise.all([solver.solve(given[1]), solver.solve(given[2])]);
       console.log(JSON.stringify({ solved: [first, ...rest], progress, threads: workers.length }));`,
    )) as { solved: { solutions: string; attempts: number; seconds: number }[]; progress: number[][]; threads: number };
    expect(result.threads).toBe(2);
    expect(result.progress.at(-1)).toEqual([16, 16]);
    for (const [i, { solutions, attempts, seconds }] of result.solved.entries()) {
      const proof = { token: issued[i]?.token ?? '', solutions };
      expect(challenges.redeem(proof, { purposes: ['upload'], accountId }).purpose).toBe('upload');
      expect(attempts).toBeGreaterThan(0);
      expect(seconds).toBeGreaterThan(0);
    }
  });

  it('starts one thread for a challenge of few attempts, and more when a harder one comes', async () => {
    const { challenges, issued } = issue(ahead, 1);
    const harder = issue(dear, 1);
    const result = (await run(
      [...issued, ...harder.issued],
      `const solver = createSolver({ threads: 3 });
       const solved = [await solver.solve(given[0])];
       const first = workers.length;
       solved.push(await solver.solve(given[1]));
       console.log(JSON.stringify({ solved, first, then: workers.length }));`,
    )) as { solved: { solutions: string }[]; first: number; then: number };
    expect(result).toMatchObject({ first: 1, then: 3 });
    const proofs = [...issued, ...harder.issued].map(({ token }, i) => ({
      token,
      solutions: result.solved[i]?.solutions ?? '',
    }));
    for (const [i, made] of [challenges, harder.challenges].entries()) {
      const proof = proofs[i] ?? { token: '', solutions: '' };
      expect(made.redeem(proof, { purposes: ['upload'], accountId }).purpose).toBe('upload');
    }
  });

  it('starts no thread for a free challenge', async () => {
    const result = await run(
      issue(freePrice, 1).issued,
      'console.log(JSON.stringify([await solveChallenge(given[0]), workers.length]));',
    );
    expect(result).toEqual([{ solutions: '', records: [], attempts: 0, seconds: 0, threads: 0 }, 0]);
  });

  it('stops when it is aborted, before or while it works, and can be used again', async () => {
    const [hard, easy] = [issue(endless, 1).issued, issue(cheap, 1).issued];
    const result = await run(
      [...hard, ...easy],
      `const solver = createSolver({ threads: 2 });
       const early = await outcome(solver.solve(given[0], { signal: AbortSignal.abort() }));
       const late = await outcome(solver.solve(given[0], { signal: AbortSignal.timeout(300) }));
       const after = await outcome(solver.solve(given[1]));
       console.log(JSON.stringify([early, late, after, workers.length]));`,
    );
    expect(result).toEqual(['ClientError interrupted', 'ClientError interrupted', 'solved', 2]);
  });

  it('fails with a client error when a thread is lost, ends the others, and starts anew', async () => {
    const [hard, easy] = [issue(endless, 1).issued, issue(cheap, 1).issued];
    const result = await run(
      [...hard, ...easy],
      `const solver = createSolver({ threads: 2 });
       const waiting = outcome(solver.solve(given[0]));
       setTimeout(() => workers[1].terminate(), 300);
       const lost = await waiting;
       const after = await outcome(solver.solve(given[1]));
       console.log(JSON.stringify([lost, after, workers.length]));`,
    );
    expect(result).toEqual(['ClientError failed', 'solved', 3]);
  });

  it('fails what it is solving when it is closed, and ends', async () => {
    const result = await run(
      issue(endless, 1).issued,
      `const solver = createSolver({ threads: 2 });
       const waiting = outcome(solver.solve(given[0]));
       setTimeout(() => solver.close(), 300);
       const closed = await waiting;
       const after = await outcome(solver.solve(given[0]));
       console.log(JSON.stringify([closed, after]));`,
    );
    expect(result).toEqual(['ClientError failed', 'ClientError failed']);
  });

  it('solves without WebAssembly too', async () => {
    const { challenges, issued } = issue({ puzzles: 1, effort256: 256 }, 1);
    const script = `const wasm = typeof WebAssembly;
      console.log(JSON.stringify({ wasm, ...(await solveChallenge(given[0], { threads: 2 })) }));`;
    const result = (await run(issued, script, ['--jitless'])) as { wasm: string; solutions: string };
    expect(result.wasm).toBe('undefined');
    const proof = { token: issued[0]?.token ?? '', solutions: result.solutions };
    expect(challenges.redeem(proof, { purposes: ['upload'], accountId }).purpose).toBe('upload');
  });

  it('never starts more than four threads and at least one', async () => {
    const result = await run(
      issue(dear, 2).issued,
      `await solveChallenge(given[0], { threads: 99 });
       const many = workers.length;
       await solveChallenge(given[1], { threads: 0 });
       console.log(JSON.stringify([many, workers.length - many]));`,
    );
    expect(result).toEqual([4, 1]);
  });
});
