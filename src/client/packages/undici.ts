// What the program takes of undici: three modules, not all of it (docs/decisions/0017-parts-of-undici.md).
// The build makes one file of it (docs/decisions/0018-what-a-start-loads.md).
import { setFlagsFromString } from 'node:v8';
import request from 'undici/lib/api/api-request.js';
import buildConnector from 'undici/lib/core/connect.js';
import UndiciPool from 'undici/lib/dispatcher/pool.js';

/** What the V8 of Node 20 begins with, and what is enough for some thirty answers. */
const budgets = { usual: 1_800_000, patient: 100_000_000 };

const setBudget = (budget: number) => {
  setFlagsFromString(`--wasm-tiering-budget=${String(budget)}`);
};

/**
 * A pool whose parser of answers, which is WebAssembly, is not optimized for a handful of them: the V8 of Node 20 begins
 * with that at the first answer, which costs more than all else that a small command does, and the end waits for it.
 */
class Pool extends UndiciPool {
  constructor(...args: ConstructorParameters<typeof UndiciPool>) {
    super(...args);
    if (!process.versions.v8.startsWith('11.')) return;
    setBudget(budgets.patient);
    // The parser has been made, with the budget of that moment, when the first connection stands.
    this.once('connect', () => {
      setBudget(budgets.usual);
    });
  }
}

export { buildConnector, Pool, request };
