// Finds all sub-solutions of one attempt of eq60 (docs/proof-of-work.md, "The puzzle"): three rounds of counting sort
// into 32,768 buckets and joining within them. Pure: bytes in, indices out; threads are the solver's matter.
import { isCanonical, puzzleIndices, puzzleItems } from '../protocol/proof-of-work.js';
import type { HashBlocks } from './puzzle-blocks.js';

const bucketCount = 32_768;

/**
 * Room for the pairs and quads of an attempt. Their mean is 65,536 with a deviation below 1,000, so twice the mean
 * is never reached; what would not fit is left out and costs a sub-solution at most.
 */
const rowsMax = 2 * puzzleItems;

/** The sub-solutions of one attempt, in canonical order. About two on average. */
export type PuzzleSearch = (attemptSeed: Uint8Array) => Uint16Array[];

/** A list sorted by bucket: rows `starts[k]` to `starts[k + 1]` of `order` belong to bucket k. */
class BucketSort {
  readonly starts = new Uint32Array(bucketCount + 1);
  readonly order: Uint32Array;
  readonly #fill = new Uint32Array(bucketCount);

  constructor(rows: number) {
    this.order = new Uint32Array(rows);
  }

  sort(keys: Uint16Array, rows: number): void {
    const { starts, order } = this;
    const fill = this.#fill;
    fill.fill(0);
    for (let row = 0; row < rows; row += 1) (fill[keys[row] as number] as number) += 1;
    let total = 0;
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      const size = fill[bucket] as number;
      starts[bucket] = total;
      fill[bucket] = total;
      total += size;
    }
    starts[bucketCount] = total;
    for (let row = 0; row < rows; row += 1) {
      const key = keys[row] as number;
      const place = fill[key] as number;
      order[place] = row;
      fill[key] = place + 1;
    }
  }
}

/** One list of rows: `keys` are the next 15 bits, `rest` the 30 last bits, `left` and `right` the rows joined. */
class Rows {
  readonly keys = new Uint16Array(rowsMax);
  readonly middle = new Uint16Array(rowsMax);
  readonly rest = new Uint32Array(rowsMax);
  readonly left = new Uint32Array(rowsMax);
  readonly right = new Uint32Array(rowsMax);
  count = 0;
}

/** Joins rows of equal key: each pair of rows becomes one row of `to`. */
function join(from: Rows, to: Rows, sorted: BucketSort): void {
  const { starts, order } = sorted;
  const { middle, rest } = from;
  sorted.sort(from.keys, from.count);
  let count = 0;
  for (let bucket = 0; bucket < bucketCount; bucket += 1) {
    const end = starts[bucket + 1] as number;
    for (let i = starts[bucket] as number; i < end; i += 1) {
      const a = order[i] as number;
      const middleA = middle[a] as number;
      const restA = rest[a] as number;
      for (let k = i + 1; k < end && count < rowsMax; k += 1) {
        const b = order[k] as number;
        to.keys[count] = middleA ^ (middle[b] as number);
        to.rest[count] = restA ^ (rest[b] as number);
        to.left[count] = a;
        to.right[count] = b;
        count += 1;
      }
    }
  }
  to.count = count;
}

/** Puts the subtree with the smaller first index to the left, at every level. */
function order(indices: readonly number[]): readonly number[] {
  if (indices.length === 1) return indices;
  const left = order(indices.slice(0, indices.length / 2));
  const right = order(indices.slice(indices.length / 2));
  return (left[0] as number) < (right[0] as number) ? [...left, ...right] : [...right, ...left];
}

/** Allocates the working memory of one thread, about 6 MiB, once. */
export function createPuzzleSearch(hashBlocks: HashBlocks): PuzzleSearch {
  const words = new Uint32Array(2 * puzzleItems);
  const items = new Rows();
  const pairs = new Rows();
  const quads = new Rows();
  const sorted = new BucketSort(rowsMax);

  function fillItems(): void {
    for (let i = 0; i < puzzleItems; i += 1) {
      const high = words[2 * i] as number;
      const low = words[2 * i + 1] as number;
      items.keys[i] = (high >>> 13) & 0x7fff;
      items.middle[i] = ((high << 2) | (low >>> 30)) & 0x7fff;
      items.rest[i] = low & 0x3fffffff;
    }
    items.count = puzzleItems;
  }

  function pairItems(pair: number): number[] {
    return [pairs.left[pair] as number, pairs.right[pair] as number];
  }

  function quadItems(quad: number): number[] {
    return [...pairItems(quads.left[quad] as number), ...pairItems(quads.right[quad] as number)];
  }

  function splitRest(): void {
    for (let row = 0; row < quads.count; row += 1) quads.keys[row] = (quads.rest[row] as number) >>> 15;
  }

  function matchQuads(): Uint16Array[] {
    const found: Uint16Array[] = [];
    sorted.sort(quads.keys, quads.count);
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      const end = sorted.starts[bucket + 1] as number;
      for (let i = sorted.starts[bucket] as number; i < end; i += 1) {
        const a = sorted.order[i] as number;
        for (let k = i + 1; k < end; k += 1) {
          const b = sorted.order[k] as number;
          if (quads.rest[a] !== quads.rest[b]) continue;
          const indices = Uint16Array.from(order([...quadItems(a), ...quadItems(b)]));
          // An index that stands twice cancels itself; such trees prove nothing.
          if (indices.length === puzzleIndices && isCanonical(indices)) found.push(indices);
        }
      }
    }
    return found;
  }

  return (attemptSeed) => {
    hashBlocks(attemptSeed, words);
    fillItems();
    join(items, pairs, sorted);
    // A pair's key is the second 15 bits; the quads are joined on it and keep only the last 30.
    join(pairs, quads, sorted);
    splitRest();
    return matchQuads();
  };
}
