// The thread of a solver: tries its share of the attempts until the shared flag says stop (docs/proof-of-work.md,
// "Solving"). It holds no secret: the seed is a hash of a token that only its owner can redeem.
import assert from 'node:assert';
import { parentPort } from 'node:worker_threads';
import { attemptSeed, encodeSolution, filterValue, isFilterPassed } from '../protocol/proof-of-work.js';
import { hashBlocksInScript } from './puzzle-blocks.js';
import { createWasmHashBlocks } from './puzzle-blocks-wasm.js';
import { createPuzzleSearch } from './puzzle-search.js';
import { attemptsSlot, type SolverFind, type SolverJob, stopSlot } from './solver-messages.js';

const port = parentPort;
assert(port !== null, 'the solver thread is started by the solver alone');
const search = createPuzzleSearch(createWasmHashBlocks() ?? hashBlocksInScript);

port.on('message', ({ job, seed, effort256, firstAttempt, stride, shared }: SolverJob) => {
  for (let attempt = firstAttempt; attempt < 2 ** 32; attempt += stride) {
    // The flag is memory, so this loop needs no turn of the event loop to hear that others were faster.
    if (Atomics.load(shared, stopSlot) !== 0) return;
    const itemSeed = attemptSeed(seed, attempt);
    const records = search(itemSeed)
      .filter((indices) => isFilterPassed(filterValue(itemSeed, indices), effort256))
      .map((indices) => encodeSolution({ attempt, indices }));
    Atomics.add(shared, attemptsSlot, 1);
    if (records.length > 0) port.postMessage({ job, records } satisfies SolverFind);
  }
});
