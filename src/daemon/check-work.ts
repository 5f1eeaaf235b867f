// Is a proof worth what its challenge asks for (docs/proof-of-work.md, "Checking")? All sub-solutions are looked at
// cheaply, four of them, secretly chosen, in full.
import { createHmac } from 'node:crypto';
import type { ChallengeToken } from '../protocol/challenge-token.js';
import { ProtocolError } from '../protocol/errors.js';
import type { Proof } from '../protocol/messages.js';
import {
  attemptSeed,
  effort256Min,
  filterValue,
  isCanonical,
  isFilterPassed,
  isSolved,
  type Solution,
} from '../protocol/proof-of-work.js';

/** Sub-solutions that are checked in full; all others by their filter hash. */
const sampledSolutions = 4;

/** At most four of `solutions`, chosen by a hash under a key that nobody outside knows (Fisher-Yates). */
export function sampleSolutions(solutions: readonly Solution[], sampleKey: Uint8Array, proof: Proof): Solution[] {
  const left = [...solutions];
  const chosen: Solution[] = [];
  const digest = createHmac('sha256', sampleKey).update(`${proof.token}.${proof.solutions}`).digest();
  for (let i = 0; i < sampledSolutions && left.length > 0; i += 1) {
    chosen.push(...left.splice(digest.readUInt32BE(4 * i) % left.length, 1));
  }
  return chosen;
}

function insufficient(message: string): ProtocolError {
  return new ProtocolError('proof-insufficient', message);
}

/**
 * Throws `proof-insufficient` unless the proof is worth what the token asks for. More sub-solutions than it asks for are
 * checked like the others; fewer are refused. Cheap checks for all come first: no hash is computed for a record out of order.
 */
export function checkWork(
  token: ChallengeToken,
  seed: Uint8Array,
  solutions: readonly Solution[],
  chosen: readonly Solution[],
): void {
  const { puzzles, effort256 } = token;
  if (solutions.length < puzzles) throw insufficient('too few solutions');
  if (puzzles === 0 && solutions.length > 0) throw insufficient('a free challenge takes no solutions');
  for (const { indices } of solutions) if (!isCanonical(indices)) throw insufficient('a solution is out of order');
  // The weakest filter lets every value pass, so there is nothing to compute.
  if (effort256 > effort256Min) checkFilter(seed, solutions, effort256);
  for (const { attempt, indices } of chosen) {
    if (!isSolved(attemptSeed(seed, attempt), indices)) throw insufficient('a solution is false');
  }
}

function checkFilter(seed: Uint8Array, solutions: readonly Solution[], effort256: number): void {
  // Records are in order of their attempts, so those of one attempt share its seed.
  let lastAttempt = -1;
  let itemSeed = seed;
  for (const { attempt, indices } of solutions) {
    if (attempt !== lastAttempt) itemSeed = attemptSeed(seed, attempt);
    lastAttempt = attempt;
    if (!isFilterPassed(filterValue(itemSeed, indices), effort256))
      throw insufficient('a solution is not strong enough');
  }
}
