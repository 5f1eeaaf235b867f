// The eq60 puzzle and its wire form, against vectors of a second implementation (docs/proof-of-work.md).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toBase64, toHex } from '../../src/protocol/bytes.js';
import { ProtocolError } from '../../src/protocol/errors.js';
import {
  attemptSeed,
  challengeBinding,
  challengeSeed,
  decodeSolutions,
  encodeSolutions,
  expectedAttempts,
  filterValue,
  isCanonical,
  isFilterPassed,
  isSolved,
  puzzlesMax,
  type Solution,
  solutionBytes,
} from '../../src/protocol/proof-of-work.js';
import { readProofOfWorkVectors } from '../helpers/proof-of-work.js';
import { protocolCodeOf } from '../helpers/protocol-code.js';

const vectors = readProofOfWorkVectors();
const seed = fromHex(vectors.seed);

function vectorSolutions(): Solution[] {
  return vectors.attempts.flatMap(({ attempt, solutions }) =>
    solutions.map(({ indices }) => ({ attempt, indices: Uint16Array.from(indices) })),
  );
}

describe('the puzzle', () => {
  it('derives the seeds of the vectors', () => {
    expect(toHex(challengeSeed(fromHex(vectors.token)))).toBe(vectors.seed);
    for (const { attempt, attemptSeed: expected } of vectors.attempts) {
      expect(toHex(attemptSeed(seed, attempt))).toBe(expected);
    }
  });

  it('accepts every solution of the vectors, with its filter value', () => {
    let checked = 0;
    for (const { attempt, solutions } of vectors.attempts) {
      for (const { indices, filterValue: expected } of solutions) {
        const itemSeed = attemptSeed(seed, attempt);
        expect(isSolved(itemSeed, Uint16Array.from(indices))).toBe(true);
        expect(filterValue(itemSeed, Uint16Array.from(indices))).toBe(expected);
        checked += 1;
      }
    }
    expect(checked).toBeGreaterThan(10);
  });

  it.each(vectors.false)('refuses a false solution: $reason', ({ attempt, indices }) => {
    expect(isSolved(attemptSeed(seed, attempt), Uint16Array.from(indices))).toBe(false);
  });

  it('refuses the true solutions of one token under another token', () => {
    const otherSeed = challengeSeed(fromHex(vectors.token.replace(/00/, '01')));
    for (const { attempt, indices } of vectorSolutions()) {
      expect(isSolved(attemptSeed(otherSeed, attempt), indices)).toBe(false);
    }
  });

  it('knows one order of eight indices out of the 128 that name the same tree', () => {
    const base = Uint16Array.from([0, 9, 3, 4, 1, 8, 2, 7]);
    expect(isCanonical(base)).toBe(true);
    let canonical = 0;
    for (let swaps = 0; swaps < 128; swaps += 1) {
      let tree: number[] = [...base];
      let bit = 1;
      for (const span of [1, 2, 4]) {
        for (let at = 0; at < 8; at += 2 * span) {
          const [left, right] = [tree.slice(at, at + span), tree.slice(at + span, at + 2 * span)];
          if ((swaps & bit) !== 0) tree = [...tree.slice(0, at), ...right, ...left, ...tree.slice(at + 2 * span)];
          bit *= 2;
        }
      }
      if (isCanonical(Uint16Array.from(tree))) canonical += 1;
    }
    expect(canonical).toBe(1);
    expect(isCanonical(base.subarray(0, 7))).toBe(false);
  });

  it('lets everything pass the weakest filter and one value the strongest', () => {
    expect(isFilterPassed(2 ** 32 - 1, 256)).toBe(true);
    expect(isFilterPassed(2 ** 31 - 1, 512)).toBe(true);
    expect(isFilterPassed(2 ** 31, 512)).toBe(false);
    expect(isFilterPassed(256, 2 ** 32 - 1)).toBe(true);
    expect(isFilterPassed(257, 2 ** 32 - 1)).toBe(false);
    expect(isFilterPassed(2 ** 32 - 1, 2 ** 32 - 1)).toBe(false);
  });

  it('compares filter values exactly as integers do', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 32 - 1 }), fc.integer({ min: 256, max: 2 ** 32 - 1 }), (value, effort256) => {
        expect(isFilterPassed(value, effort256)).toBe(BigInt(value) * BigInt(effort256) < 2n ** 40n);
      }),
    );
  });

  it('expects half an attempt for each puzzle and unit of effort', () => {
    expect(expectedAttempts(16, 256)).toBe(8);
    expect(expectedAttempts(16, 16_384)).toBe(512);
    expect(expectedAttempts(0, 256)).toBe(0);
  });

  it('binds a name and a purpose as the vectors say', () => {
    const { purpose, account, hash } = vectors.binding;
    expect(toHex(challengeBinding(purpose, account))).toBe(hash);
    expect(toHex(challengeBinding('register', account))).not.toBe(hash);
  });
});

describe('the wire form of solutions', () => {
  const keyOf = ({ attempt, indices }: Solution): string => [attempt, ...indices].join(' ');
  const solution = fc.record({
    attempt: fc.nat({ max: 2 ** 32 - 1 }),
    indices: fc.uint16Array({ minLength: 8, maxLength: 8 }),
  });

  it('is that of the vectors, whatever the order they are found in', () => {
    const encoded = toBase64(fromHex(vectors.encoded));
    expect(encodeSolutions(vectorSolutions().reverse())).toBe(encoded);
    expect(decodeSolutions(encoded)).toEqual(vectorSolutions());
  });

  it('gives back what was written', () => {
    fc.assert(
      fc.property(fc.uniqueArray(solution, { maxLength: puzzlesMax, selector: keyOf }), (solutions) => {
        const text = encodeSolutions(solutions);
        const decoded = decodeSolutions(text);
        expect(decoded).toHaveLength(solutions.length);
        expect(encodeSolutions(decoded)).toBe(text);
        expect(new Set(decoded.map(keyOf))).toEqual(new Set(solutions.map(keyOf)));
      }),
    );
  });

  it('answers random text and random bytes with nothing but protocol errors', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uint8Array({ maxLength: 2000 }).map(toBase64)), (text) => {
        try {
          expect(encodeSolutions(decodeSolutions(text))).toBe(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });

  it('refuses a solution that stands twice, a wrong order and a cut record', () => {
    const record = fromHex(vectors.encoded).subarray(0, solutionBytes);
    const next = fromHex(vectors.encoded).subarray(solutionBytes, 2 * solutionBytes);
    const refusals = [[record, record], [next, record], [record.subarray(1)]];
    for (const parts of refusals)
      expect(protocolCodeOf(() => decodeSolutions(toBase64(Buffer.concat(parts))))).toBe('malformed');
  });

  it('takes 64 records and not 65', () => {
    const records = (count: number): string =>
      encodeSolutions(Array.from({ length: count }, (_, attempt) => ({ attempt, indices: new Uint16Array(8) })));
    expect(decodeSolutions(records(puzzlesMax))).toHaveLength(puzzlesMax);
    expect(protocolCodeOf(() => decodeSolutions(records(puzzlesMax + 1)))).toBe('malformed');
  });
});
