// The SHA-256 blocks of one attempt in plain script (docs/proof-of-work.md, "The puzzle"). What is equal for all blocks of
// an attempt is computed once: rounds 0 to 7 and the schedule words 16 to 22 do not depend on the counter.
import { puzzleBlocks } from '../protocol/proof-of-work.js';
import { extendSchedule, initialState, runRounds } from '../protocol/sha256-words.js';

/** Fills `words` with the 16,384 digests of an attempt, eight 32-bit words each. */
export type HashBlocks = (attemptSeed: Uint8Array, words: Uint32Array) => void;

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
