// Which sub-solutions are checked in full, and that the cheap tricks fail (docs/proof-of-work.md, "Checking").
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkWork, sampleSolutions } from '../../src/daemon/check-work.js';
import { fromBase64, toBase64 } from '../../src/protocol/bytes.js';
import { type ChallengeToken, decodeChallengeToken } from '../../src/protocol/challenge-token.js';
import {
  attemptSeed,
  challengeSeed,
  decodeSolutions,
  encodeSolution,
  encodeSolutions,
  filterValue,
  isCanonical,
  isFilterPassed,
  isSolved,
  puzzlesMax,
  type Solution,
} from '../../src/protocol/proof-of-work.js';
import { startChallenges } from '../helpers/challenges.js';
import { findSolutions } from '../helpers/proof-of-work.js';
import { protocolCodeOf } from '../helpers/protocol-code.js';

describe('the sample', () => {
  const solutions = Array.from({ length: 16 }, (_, attempt) => ({ attempt, indices: new Uint16Array(8) }));
  const proof = { token: 'any', solutions: encodeSolutions(solutions) };
  const placesUnder = (key: number, count = 16): number[] =>
    sampleSolutions(solutions.slice(0, count), Uint8Array.of(key >> 8, key & 255), proof).map(({ attempt }) => attempt);

  it('looks at each of sixteen solutions one time in four, at four different ones each time', () => {
    // So fifteen true ones of sixteen pass three times in four: a sixteenth of the work saved, a quarter of it lost.
    const looks = new Uint32Array(16);
    for (let key = 0; key < 4000; key += 1) {
      const places = placesUnder(key);
      expect(new Set(places).size).toBe(4);
      for (const place of places) looks[place] = (looks[place] ?? 0) + 1;
    }
    // A mean of 1,000 with a deviation of 27, and the keys are fixed.
    for (const count of looks) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  it('depends on a key that only the daemon has, and on nothing else that changes', () => {
    expect(placesUnder(1)).toEqual(placesUnder(1));
    expect(new Set(Array.from({ length: 50 }, (_, key) => String(placesUnder(key)))).size).toBeGreaterThan(40);
  });

  it('is everything where there are four or fewer', () => {
    for (const count of [0, 1, 4]) expect(new Set(placesUnder(7, count)).size).toBe(count);
  });
});

interface Solved {
  readonly text: string;
  readonly token: ChallengeToken;
  readonly seed: Uint8Array;
  /** Forty true sub-solutions, in the order of the wire. */
  readonly honest: Solution[];
}

function solve(effort256: number): Solved {
  const challenge = startChallenges({ price: { puzzles: 16, effort256 } }).issue({
    purpose: 'upload',
    accountId: '00112233445566778899aabbccddeeff',
  });
  const bytes = fromBase64(challenge.token);
  const honest = decodeSolutions(encodeSolutions(findSolutions(challenge, 40)));
  return { text: challenge.token, token: decodeChallengeToken(bytes).token, seed: challengeSeed(bytes), honest };
}

/** The same tree with its subtrees swapped as the seven bits of `swaps` say. */
function swapped(indices: Iterable<number>, swaps: number): Uint16Array {
  let tree = [...indices];
  let bit = 1;
  for (const span of [1, 2, 4]) {
    for (let at = 0; at < 8; at += 2 * span) {
      const [left, right] = [tree.slice(at, at + span), tree.slice(at + span, at + 2 * span)];
      if ((swaps & bit) !== 0) tree = [...tree.slice(0, at), ...right, ...left, ...tree.slice(at + 2 * span)];
      bit *= 2;
    }
  }
  return Uint16Array.from(tree);
}

function canonical(indices: Iterable<number>): Uint16Array {
  const tree = [...indices];
  const orders = Array.from({ length: 128 }, (_, swaps) => swapped(tree, swaps));
  return orders.find(isCanonical) ?? Uint16Array.from(tree);
}

/** The whole definition again, slowly and with node:crypto. */
function holds(seed: Uint8Array, { attempt, indices }: Solution): boolean {
  const u32 = (value: number): Uint8Array => Buffer.from(value.toString(16).padStart(8, '0'), 'hex');
  const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
  const itemSeed = sha256(seed, u32(attempt));
  const items = [...indices].map((index) =>
    BigInt.asUintN(60, sha256(itemSeed, u32(index >> 2)).readBigUInt64BE(8 * (index & 3))),
  );
  const cancels = (span: number, bits: bigint): boolean =>
    items.every((_, at) => {
      const sum = items.slice(at, at + span).reduce((xor, item) => xor ^ item, 0n);
      return at % span !== 0 || sum >> (60n - bits) === 0n;
    });
  return isCanonical(indices) && cancels(2, 15n) && cancels(4, 30n) && cancels(8, 60n);
}

describe('a proof', () => {
  const plain = solve(256);
  const filtered = solve(512);
  const sixteen = plain.honest.slice(0, 16);
  const [first, second] = plain.honest as [Solution, Solution];

  /** What the checks say to `solutions` when `chosen` are looked at in full. */
  function verdict({ token, seed }: Solved, solutions: Solution[], chosen: Solution[] = []): string {
    return protocolCodeOf(() => {
      checkWork(token, seed, decodeSolutions(encodeSolutions(solutions)), chosen);
    });
  }

  /** Fifteen true records and this one, which is among the four that are looked at. */
  const withOne = (one: Solution, from = plain): string =>
    verdict(from, [...from.honest.slice(4, 19), one], [...from.honest.slice(4, 7), one]);
  const unseen = (one: Solution, from = plain): string => verdict(from, [...from.honest.slice(4, 19), one]);

  it('of true records holds, whichever are looked at', () => {
    for (const solved of [plain, filtered]) {
      expect(verdict(solved, solved.honest.slice(0, 16), solved.honest.slice(0, 16))).toBe('none');
      for (const one of solved.honest) expect(holds(solved.seed, one)).toBe(true);
    }
  });

  it('may hold more records than asked for, as many as the wire takes, and none too few', () => {
    expect(verdict(plain, plain.honest, plain.honest)).toBe('none');
    expect(verdict(plain, sixteen.slice(1))).toBe('proof-insufficient');
    expect(verdict(plain, [])).toBe('proof-insufficient');
    const many = (count: number): Solution[] =>
      Array.from({ length: count }, (_, i) => ({ attempt: 1_000_000 + i, indices: first.indices }));
    expect(verdict(plain, many(puzzlesMax))).toBe('none');
    expect(verdict(plain, many(puzzlesMax + 1))).toBe('malformed');
  });

  it('for a free challenge is empty', () => {
    const free = { ...plain, token: { ...plain.token, puzzles: 0 } };
    expect(verdict(free, [])).toBe('none');
    expect(verdict(free, sixteen, sixteen)).toBe('proof-insufficient');
  });

  it('with a record twice or out of order never gets as far', () => {
    const read = (records: Solution[]): string =>
      protocolCodeOf(() => decodeSolutions(toBase64(Buffer.concat(records.map(encodeSolution)))));
    expect(read(sixteen)).toBe('none');
    for (let at = 0; at < 15; at += 1) {
      const [one, next] = sixteen.slice(at, at + 2) as [Solution, Solution];
      expect(read([...sixteen.slice(0, at), one, one, ...sixteen.slice(at + 2)])).toBe('malformed');
      expect(read([...sixteen.slice(0, at), next, one, ...sixteen.slice(at + 2)])).toBe('malformed');
    }
  });

  it('counts a tree in one order, and refuses the 127 others without looking at it', () => {
    for (let swaps = 1; swaps < 128; swaps += 1) {
      expect(unseen({ attempt: first.attempt, indices: swapped(first.indices, swaps) })).toBe('proof-insufficient');
    }
  });

  it('counts eight indices as one tree, and refuses the other ways to pair them', () => {
    const trees = new Map<string, Uint16Array>();
    const shuffle = (rest: number[], taken: number[]): void => {
      if (rest.length === 0 && isCanonical(Uint16Array.from(taken))) trees.set(taken.join(), Uint16Array.from(taken));
      for (const index of rest)
        shuffle(
          rest.filter((other) => other !== index),
          [...taken, index],
        );
    };
    shuffle([...first.indices], []);
    expect(trees.size).toBe(40_320 / 128);
    const solved = [...trees.values()].filter((indices) => isSolved(attemptSeed(plain.seed, first.attempt), indices));
    const held = [...trees.values()].filter((indices) => holds(plain.seed, { attempt: first.attempt, indices }));
    expect(solved).toEqual(held);
    expect(solved.length).toBeLessThanOrEqual(3);
  });

  it('with an index twice is refused without looking at it, though its tree cancels', () => {
    const [a = 0, b = 0, c = 0, d = 0] = first.indices;
    for (const indices of [
      [a, b, a, b, c, d, c, d],
      [a, b, c, d, a, b, c, d],
      [a, a, b, b, c, c, d, d],
      [a, b, c, d, a, b, c, d].sort((x, y) => x - y),
    ]) {
      expect(unseen({ attempt: first.attempt, indices: Uint16Array.from(indices) })).toBe('proof-insufficient');
    }
  });

  /** Trees that hold in part, from two true ones of the same attempt. */
  function partialTrees({ honest }: Solved): Solution[] {
    const partial: Solution[] = [];
    for (const [i, one] of honest.entries()) {
      const other = honest[i + 1];
      if (other?.attempt !== one.attempt) continue;
      const [x, y] = [[...one.indices], [...other.indices]];
      partial.push({ attempt: one.attempt, indices: canonical([...x.slice(0, 4), ...y.slice(4)]) });
      partial.push({ attempt: one.attempt, indices: canonical([...x.slice(0, 6), ...y.slice(6)]) });
      partial.push({ attempt: one.attempt, indices: canonical([...x.slice(0, 7), ...y.slice(7)]) });
    }
    return partial.filter(({ indices }) => isCanonical(indices));
  }

  it('with a tree that holds in part is refused when it is looked at: quads alone, pairs alone, all but one index', () => {
    for (const solved of [plain, filtered]) {
      const partial = partialTrees(solved);
      expect(partial.length).toBeGreaterThan(8);
      let passing = 0;
      for (const one of partial) {
        expect(holds(solved.seed, one)).toBe(false);
        expect(withOne(one, solved)).toBe('proof-insufficient');
        const value = filterValue(attemptSeed(solved.seed, one.attempt), one.indices);
        const passes = isFilterPassed(value, solved.token.effort256);
        // The filter alone does not see it: that is why four are looked at, and why nobody may know which.
        expect(unseen(one, solved)).toBe(passes ? 'none' : 'proof-insufficient');
        if (passes) passing += 1;
      }
      expect(passing).toBeGreaterThan(0);
    }
  });

  it('with a record of another token or of another attempt is refused', () => {
    for (const { attempt, indices } of [...filtered.honest, { attempt: first.attempt + 1, indices: first.indices }]) {
      expect(withOne({ attempt, indices })).toBe('proof-insufficient');
    }
    expect(withOne({ attempt: 2 ** 32 - 1, indices: second.indices })).toBe('proof-insufficient');
    expect(verdict(filtered, plain.honest.slice(0, 16))).toBe('proof-insufficient');
  });

  it.each([
    [16, 1, 0.75],
    [16, 4, 0.272],
    [16, 8, 0.0385],
    [20, 4, 0.3756],
  ])('of %i records with %i false ones passes with the predicted chance %f, over many keys', (count, fakes, chance) => {
    const keys = 2000;
    const bad = Array.from({ length: fakes }, (_, i) => ({ attempt: 1_000_000 + i, indices: first.indices }));
    const solutions = decodeSolutions(encodeSolutions([...plain.honest.slice(0, count - fakes), ...bad]));
    const proof = { token: plain.text, solutions: encodeSolutions(solutions) };
    let accepted = 0;
    for (let key = 0; key < keys; key += 1) {
      const chosen = sampleSolutions(solutions, Uint8Array.of(key >> 8, key & 255), proof);
      if (
        protocolCodeOf(() => {
          checkWork(plain.token, plain.seed, solutions, chosen);
        }) === 'none'
      )
        accepted += 1;
    }
    // Five deviations: a chance of less than one in a million that a right sample fails here.
    const deviation = Math.sqrt(keys * chance * (1 - chance));
    expect(Math.abs(accepted - keys * chance)).toBeLessThan(5 * deviation);
  });
});
