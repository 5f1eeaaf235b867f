// Is a proof worth what its challenge asks for (docs/proof-of-work.md, "Checking")? All sub-solutions are looked at
// cheaply, four of them, secretly chosen, in full.
import { createHmac } from 'node:crypto';
import type { ChallengeToken } from '../protocol/challenge-token.js';
import { ProtocolError } from '../protocol/errors.js';
import type { Proof } from '../protocol/messages.js';
import {
  attemptSeed,
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

/** Throws `proof-insufficient` unless the proof is worth what the token asks for. Cheap checks for all come first. */
export function checkWork(
  token: ChallengeToken,
  seed: Uint8Array,
  solutions: readonly Solution[],
  chosen: readonly Solution[],
): void {
  if (solutions.length !== token.puzzles) throw new ProtocolError('proof-insufficient', 'wrong number of solutions');
  const seeds = new Map<number, Uint8Array>();
  for (const { attempt, indices } of solutions) {
    const itemSeed = seeds.get(attempt) ?? attemptSeed(seed, attempt);
    seeds.set(attempt, itemSeed);
    if (!isCanonical(indices) || !isFilterPassed(filterValue(itemSeed, indices), token.effort256)) {
      throw new ProtocolError('proof-insufficient', 'a solution is not strong enough');
    }
  }
  for (const { attempt, indices } of chosen) {
    const itemSeed = seeds.get(attempt) ?? attemptSeed(seed, attempt);
    if (!isSolved(itemSeed, indices)) throw new ProtocolError('proof-insufficient', 'a solution is false');
  }
}
