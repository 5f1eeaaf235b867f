// Runs of scenarios on two threads.
import { Worker } from 'node:worker_threads';

const threads = 2;

/** `tasks` are `{ scenario, seed }`; results come in the order of the tasks. The dearest should stand first. */
export async function runAll(tasks) {
  const results = new Array(tasks.length);
  let next = 0;
  const work = (worker) =>
    new Promise((resolve, reject) => {
      const give = () => {
        if (next >= tasks.length) return resolve(worker.terminate());
        worker.postMessage({ place: next, task: tasks[next] });
        next += 1;
      };
      worker.on('message', ({ place, result }) => {
        results[place] = result;
        give();
      });
      worker.on('error', reject);
      give();
    });
  const workers = Array.from({ length: threads }, () => new Worker(new URL('./worker.js', import.meta.url)));
  await Promise.all(workers.map(work));
  return results;
}
