// Solves challenges in the test's own thread, and reads the vectors of the second implementation.
import { readFileSync } from 'node:fs';
import { hashBlocksInScript } from '../../src/client/puzzle-blocks.js';
import { createWasmHashBlocks } from '../../src/client/puzzle-blocks-wasm.js';
import { createPuzzleSearch } from '../../src/client/puzzle-search.js';
import { fromBase64 } from '../../src/protocol/bytes.js';
import type { CreateChallengeResponse } from '../../src/protocol/messages.js';
import {
  attemptSeed,
  challengeSeed,
  filterValue,
  isFilterPassed,
  type Solution,
} from '../../src/protocol/proof-of-work.js';

const search = createPuzzleSearch(createWasmHashBlocks() ?? hashBlocksInScript);

/** All sub-solutions of attempts 0, 1, ... until `count` are of the wanted kind; only these are returned. */
export function findSolutions(
  challenge: CreateChallengeResponse,
  count = challenge.puzzles,
  isFilterWanted = true,
): Solution[] {
  const seed = challengeSeed(fromBase64(challenge.token));
  const found: Solution[] = [];
  for (let attempt = 0; found.length < count; attempt += 1) {
    const itemSeed = attemptSeed(seed, attempt);
    for (const indices of search(itemSeed)) {
      const passes = isFilterPassed(filterValue(itemSeed, indices), challenge.effort256);
      if (passes === isFilterWanted && found.length < count) found.push({ attempt, indices });
    }
  }
  return found;
}

export interface ProofOfWorkVectors {
  readonly token: string;
  readonly seed: string;
  readonly attempts: readonly {
    readonly attempt: number;
    readonly attemptSeed: string;
    readonly items: Readonly<Record<string, string>>;
    readonly solutions: readonly { readonly indices: readonly number[]; readonly filterValue: number }[];
  }[];
  readonly encoded: string;
  readonly false: readonly { readonly attempt: number; readonly indices: readonly number[]; readonly reason: string }[];
  readonly tokenBody: {
    readonly fields: {
      readonly purpose: 'query';
      readonly tier: 'new';
      readonly units: number;
      readonly floorAttempts16: number;
      readonly puzzles: number;
      readonly effort256: number;
      readonly issuedAtS: number;
      readonly lifetimeS: number;
      readonly replica: number;
      readonly epoch: number;
      readonly seq: number;
      readonly subject: string;
      readonly binding: string;
      readonly budget: { readonly bytes: number; readonly blobs: number; readonly ids: number };
      readonly salt: string;
    };
    readonly bytes: string;
  };
  readonly binding: { readonly purpose: 'login'; readonly account: string; readonly hash: string };
}

export function readProofOfWorkVectors(): ProofOfWorkVectors {
  const file = new URL('../vectors/proof-of-work.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as ProofOfWorkVectors;
}
