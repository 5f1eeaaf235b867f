// The search finds what the second implementation finds, with both ways of hashing (docs/proof-of-work.md).
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type HashBlocks, hashBlocksInScript } from '../../src/client/puzzle-blocks.js';
import { createWasmHashBlocks } from '../../src/client/puzzle-blocks-wasm.js';
import { createPuzzleSearch } from '../../src/client/puzzle-search.js';
import { fromHex, utf8 } from '../../src/protocol/bytes.js';
import { attemptSeed, challengeSeed, isSolved, puzzleBlocks } from '../../src/protocol/proof-of-work.js';
import { readProofOfWorkVectors } from '../helpers/proof-of-work.js';

const vectors = readProofOfWorkVectors();

function hashBlocksInWasm(): HashBlocks {
  const hashBlocks = createWasmHashBlocks();
  if (hashBlocks === undefined) throw new Error('this host has no WebAssembly SIMD');
  return hashBlocks;
}

describe.each([
  ['in script', () => hashBlocksInScript],
  ['in WebAssembly', hashBlocksInWasm],
])('with blocks hashed %s', (_, create) => {
  const hashBlocks = create();

  it('every block is the SHA-256 of seed and counter', () => {
    const words = new Uint32Array(puzzleBlocks * 8);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const seed = attemptSeed(challengeSeed(utf8('any token')), attempt);
      hashBlocks(seed, words);
      for (const block of [0, 1, 2, 3, 4, 1000, 8191, 8192, puzzleBlocks - 1]) {
        const counter = Buffer.alloc(4);
        counter.writeUInt32BE(block);
        const digest = createHash('sha256').update(seed).update(counter).digest();
        const expected = Array.from({ length: 8 }, (__, i) => digest.readUInt32BE(4 * i));
        expect([...words.subarray(block * 8, block * 8 + 8)]).toEqual(expected);
      }
    }
  });

  it('the search finds exactly the solutions of the vectors', () => {
    const search = createPuzzleSearch(hashBlocks);
    for (const { attemptSeed: seed, solutions } of vectors.attempts) {
      const found = search(fromHex(seed)).map((indices) => [...indices]);
      const expected = solutions.map(({ indices }) => [...indices]);
      expect(new Set(found.map(String))).toEqual(new Set(expected.map(String)));
      expect(found).toHaveLength(expected.length);
    }
  });
});

describe('the search', () => {
  it('gives the same blocks in script and in WebAssembly', () => {
    const [inScript, inWasm] = [new Uint32Array(puzzleBlocks * 8), new Uint32Array(puzzleBlocks * 8)];
    const seed = attemptSeed(challengeSeed(utf8('another token')), 2 ** 32 - 1);
    hashBlocksInScript(seed, inScript);
    hashBlocksInWasm()(seed, inWasm);
    expect(Buffer.compare(Buffer.from(inScript.buffer), Buffer.from(inWasm.buffer))).toBe(0);
  });

  it('finds two solutions an attempt on average, and all of them hold', () => {
    const search = createPuzzleSearch(hashBlocksInWasm());
    const seed = challengeSeed(utf8('a fixed token'));
    const attempts = 100;
    let found = 0;
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const itemSeed = attemptSeed(seed, attempt);
      for (const indices of search(itemSeed)) {
        expect(isSolved(itemSeed, indices)).toBe(true);
        found += 1;
      }
    }
    // Poisson with mean 2: the deviation of the mean of 100 is 0.14, and the token is fixed.
    expect(found / attempts).toBeGreaterThan(1.6);
    expect(found / attempts).toBeLessThan(2.4);
  });
});
