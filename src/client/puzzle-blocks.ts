// The SHA-256 blocks of one attempt in plain script (docs/proof-of-work.md, "The puzzle"). A call per block into
// node:crypto costs more than the hash itself, so the compression function stands here, with what is equal for all blocks
// of an attempt computed once: rounds 0 to 7 and the schedule words 16 to 22 do not depend on the counter.
import { puzzleBlocks } from '../protocol/proof-of-work.js';

/** Fills `words` with the 16,384 digests of an attempt, eight 32-bit words each. */
export type HashBlocks = (attemptSeed: Uint8Array, words: Uint32Array) => void;

function fractionalBits(x: number): number {
  return Math.floor((x % 1) * 2 ** 32) | 0;
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n += 1) if (primes.every((p) => n % p !== 0)) primes.push(n);
  return primes;
}

/** FIPS 180-4: fractional parts of the cube roots and square roots of the first primes. */
export const roundConstants = Int32Array.from(firstPrimes(64), (p) => fractionalBits(Math.cbrt(p)));
export const initialState = Int32Array.from(firstPrimes(8), (p) => fractionalBits(Math.sqrt(p)));

/** Where the counter stands in the message block, and the first round that sees it. */
export const counterWord = 8;
/** The first schedule word that depends on the counter. */
export const firstVaryingWord = 23;

/** The message block of counter 0: seed, counter, the padding bit and the length of 288 bits. */
export function messageBlock(attemptSeed: Uint8Array): Int32Array {
  const schedule = new Int32Array(64);
  const view = new DataView(attemptSeed.buffer, attemptSeed.byteOffset);
  for (let i = 0; i < counterWord; i += 1) schedule[i] = view.getInt32(4 * i);
  schedule[counterWord + 1] = 0x80000000;
  schedule[15] = 36 * 8;
  extendSchedule(schedule, 16, firstVaryingWord);
  return schedule;
}

function extendSchedule(w: Int32Array, from: number, to: number): void {
  for (let t = from; t < to; t += 1) {
    const x = w[t - 15] as number;
    const y = w[t - 2] as number;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = ((w[t - 16] as number) + s0 + (w[t - 7] as number) + s1) | 0;
  }
}

/** Rounds `from` to `to` over the eight words of `state`. */
export function runRounds(state: Int32Array, w: Int32Array, from: number, to: number): void {
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let t = from; t < to; t += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const sum = (h + s1 + (g ^ (e & (f ^ g))) + (roundConstants[t] as number) + (w[t] as number)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const majority = (a & b) | (c & (a | b));
    h = g;
    g = f;
    f = e;
    e = (d + sum) | 0;
    d = c;
    c = b;
    b = a;
    a = (sum + s0 + majority) | 0;
  }
  state[0] = a;
  state[1] = b;
  state[2] = c;
  state[3] = d;
  state[4] = e;
  state[5] = f;
  state[6] = g;
  state[7] = h;
}

/** The reference implementation of HashBlocks. */
export const hashBlocksInScript: HashBlocks = (attemptSeed, words) => {
  const schedule = messageBlock(attemptSeed);
  const common = Int32Array.from(initialState);
  runRounds(common, schedule, 0, counterWord);
  const state = new Int32Array(8);
  for (let block = 0; block < puzzleBlocks; block += 1) {
    schedule[counterWord] = block;
    extendSchedule(schedule, firstVaryingWord, 64);
    state.set(common);
    runRounds(state, schedule, counterWord, 64);
    for (let i = 0; i < 8; i += 1) words[block * 8 + i] = (initialState[i] as number) + (state[i] as number);
  }
};
