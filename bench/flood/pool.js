// The pool of solved proofs, kept in a folder under the system's temporary one: solving takes minutes, a run needs seconds.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openServerKeys } from '../../dist/daemon/server-keys.js';
import { createNativeSolver } from '../puzzle-native.js';
import { createForge, levels, lifetimeS, planPool, sha256, solvedShare, solveTokens } from './tokens.js';

/** Proofs must not expire within the runs. */
const spareS = 3600;
const poolEpoch = 1;

/** Accounts of attackers, the same for the same seed: session secret, ids, and what stands for each in a token. */
export function attackAccounts(seed, count) {
  return Array.from({ length: count }, (_, i) => {
    const secret = sha256(`secret ${seed} ${i}`);
    const accountId = sha256(`account ${seed} ${i}`).toString('hex').slice(0, 32);
    const subject = sha256('jaycloud/1/pow-subject\0', accountId).subarray(0, 16);
    return { name: `attacker-${i}`, secret, accountId, subject };
  });
}

/**
 * Gives `{folder, keys, file}`: the folder holds `server-keys.json`, and `file` lists for each level `attempts` and
 * `proofs` of `{account, token, solutions}`.
 */
export async function openPool({ seed, attemptsPerSecond, seconds, accounts, say }) {
  const plan = planPool({ attemptsPerSecond, seconds });
  const name = sha256(JSON.stringify([seed, plan, levels, solvedShare, accounts.length]))
    .toString('hex')
    .slice(0, 16);
  const folder = join(tmpdir(), `jaycloud-flood-${name}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { keys } = await openServerKeys(folder);
  const file = join(folder, 'pool.json');
  if (!isFresh(file)) await fill({ folder, file, keys, plan, accounts, say });
  return { folder, keys, file };
}

function isFresh(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).issuedAtS + lifetimeS - spareS > Date.now() / 1000;
  } catch {
    return false;
  }
}

async function fill({ file, keys, plan, accounts, say }) {
  const native = createNativeSolver();
  if (native === undefined) throw new Error('the pool of proofs needs a C compiler: cc');
  try {
    const forge = createForge(keys);
    const issuedAtS = Math.floor(Date.now() / 1000);
    const tokens = [];
    for (const [level, count] of plan.entries()) {
      for (let i = 0; i < count; i += 1) {
        const account = tokens.length % accounts.length;
        const attempts = levels[level];
        const seq = tokens.length;
        const token = forge({ epoch: poolEpoch, seq, account: accounts[account], attempts, issuedAtS });
        tokens.push({ account, attempts, token });
      }
    }
    const work = tokens.reduce((sum, { attempts }) => sum + attempts * solvedShare, 0);
    say(`solving ${tokens.length} proofs, ${Math.round(work)} attempts: once, for all runs`);
    const startedAt = performance.now();
    const solutions = await solveTokens(native.program, tokens, (done) => {
      if (done % 1000 === 0)
        say(`  ${done} of ${tokens.length}, ${Math.round((performance.now() - startedAt) / 1000)} s`);
    });
    const listed = levels.map((attempts) => ({ attempts, proofs: [] }));
    for (const [i, { account, attempts, token }] of tokens.entries()) {
      const proof = { account, token: token.toString('base64url'), solutions: solutions[i] };
      listed[levels.indexOf(attempts)].proofs.push(proof);
    }
    writeFileSync(`${file}.tmp`, JSON.stringify({ issuedAtS, levels: listed }));
    renameSync(`${file}.tmp`, file);
  } finally {
    native.close();
    rmSync(`${file}.tmp`, { force: true });
  }
}
