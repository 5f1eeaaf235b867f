// Challenge tokens that the bench makes itself, because it made the daemon's key: real tokens with real proofs, solved once
// and sent again in every run, each run with a database that has not seen them.

import { spawn } from 'node:child_process';
import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { createInterface } from 'node:readline';
import { deriveServerKey } from '../../dist/daemon/server-keys.js';
import { encodeChallengeBody } from '../../dist/protocol/challenge-token.js';
import { grantBudgets } from '../../dist/protocol/limits.js';
import { challengeSeed } from '../../dist/protocol/proof-of-work.js';

/** No daemon numbers its challenges so. */
const replica = 0xf100;
export const lifetimeS = 65_535;
export const puzzles = 16;
/** Attempts of an upload grant at the floor price of the new tier. */
export const floorAttempts = 64;
/**
 * Only this part of the work stands behind a pool token: effort and the floor that the bid is measured against are both
 * divided. The daemon sees the same bid and does the same checks; the attacker's budget is counted in whole attempts.
 */
export const solvedShare = 1 / 6;
const levelRatio = 1.3;
const levelMax = 2000;

/** Whole attempts of each price level, from the floor. */
export const levels = Array.from(
  { length: 1 + Math.ceil(Math.log(levelMax / floorAttempts) / Math.log(levelRatio)) },
  (_, step) => Math.round(floorAttempts * levelRatio ** step),
);

export const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** Signs as src/daemon/challenges.ts does. */
export function createForge(keys) {
  const macKey = hkdfSync('sha256', deriveServerKey(keys, 'challenges'), '', 'jaycloud/1/pow-token', 32);
  const label = 'jaycloud/1/pow-token\0';
  const key = Buffer.from(macKey);
  return ({ epoch, seq, account, attempts, issuedAtS, isFree = false }) => {
    const share = isFree ? 1 : solvedShare;
    const body = encodeChallengeBody({
      replica,
      epoch,
      seq,
      purpose: 'upload',
      tier: 'new',
      units: 1,
      floorAttempts16: Math.round(floorAttempts * 16 * share),
      puzzles: isFree ? 0 : puzzles,
      effort256: isFree ? 256 : effortOf(attempts),
      issuedAtS,
      lifetimeS,
      subject: account.subject,
      binding: new Uint8Array(32),
      budget: grantBudgets.upload,
      salt: sha256(`salt ${epoch} ${seq}`).subarray(0, 8),
    });
    const mac = createHmac('sha256', key).update(label).update(body).digest().subarray(0, 16);
    return Buffer.concat([body, mac]);
  };
}

/** Strength of the filter, times 256, for as much as is solved of `attempts`. */
export function effortOf(attempts) {
  return Math.max(256, Math.round((attempts * solvedShare * 2 * 256) / puzzles));
}

/** How many tokens of each level an attack of so many attempts a second may use, and some to spare. */
export function planPool({ attemptsPerSecond, seconds }) {
  const work = attemptsPerSecond * seconds;
  return levels.map((attempts) => {
    if (attempts === floorAttempts) return 300 + Math.ceil(40 * seconds);
    if (attempts < 300) return Math.ceil((attemptsPerSecond * 2.5) / attempts);
    if (attempts < 1000) return Math.ceil((0.22 * work) / attempts);
    return Math.ceil((0.05 * work) / attempts);
  });
}

/** Solves all tokens with two processes; `program` is the native solver. Returns `solutions` fields in the same order. */
export async function solveTokens(program, tokens, onProgress) {
  const proofs = new Array(tokens.length);
  let next = 0;
  let done = 0;
  const worker = () =>
    new Promise((resolve, reject) => {
      const child = spawn(program, ['serve'], { stdio: ['pipe', 'pipe', 'inherit'] });
      let current;
      const take = () => {
        if (next === tokens.length) {
          child.stdin.end();
          return;
        }
        current = next;
        next += 1;
        const { token, attempts } = tokens[current];
        child.stdin.write(`${Buffer.from(challengeSeed(token)).toString('hex')} ${effortOf(attempts)} ${puzzles}\n`);
      };
      createInterface({ input: child.stdout }).on('line', (hex) => {
        proofs[current] = Buffer.from(hex, 'hex').toString('base64url');
        done += 1;
        onProgress(done);
        take();
      });
      child.on('error', reject).on('close', (exit) => {
        if (exit === 0) resolve();
        else reject(new Error(`the solver ended with ${exit}`));
      });
      take();
    });
  await Promise.all([worker(), worker()]);
  return proofs;
}
