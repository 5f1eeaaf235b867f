// A thread of pool.js.
import { parentPort } from 'node:worker_threads';
import { runScenario } from './scenario.js';

parentPort.on('message', ({ place, task: { scenario, seed } }) => {
  const begin = performance.now();
  const result = runScenario(scenario, seed);
  parentPort.postMessage({ place, result: { ...result, seconds: (performance.now() - begin) / 1000 } });
});
