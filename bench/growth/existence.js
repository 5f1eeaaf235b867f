// Existence: how fast a daemon that holds many blobs says which of them it knows. Clients ask as real ones do, 4096 ids a
// request over kept connections; half of the ids are known, half of those the caller's own.

import { watchMachine } from '../flood/machine.js';
import { ConnectionPool, postJson } from '../flood/wire.js';
import { seededRandom } from '../report.js';
import { startDaemon } from './daemon.js';
import { admitCallers, filledDataDir, knownId, ownedRanges, unknownId } from './fill.js';

const idsPerQuery = 4096;
const connections = 4;

/** `count` requests of callers in turn, as bytes: making them is not what is measured. */
function makeRequests({ blobCount, callers, count, seed }) {
  const chance = seededRandom(seed);
  const ranges = ownedRanges(blobCount);
  const anyOf = (length) => Math.floor(chance() * length);
  let unknown = seed * 1e6;
  return Array.from({ length: count }, (_, request) => {
    const at = request % callers.length;
    const ids = Array.from({ length: idsPerQuery }, (_, place) => {
      if (place % 2 === 0) return unknownId(unknown++);
      if (place % 4 === 1) return knownId(anyOf(blobCount));
      const [from, to] = ranges[at][anyOf(ranges[at].length)];
      return knownId(from + anyOf(to - from));
    });
    const { secret, grantId } = callers[at];
    const body = JSON.stringify({ grant: grantId, ids: Buffer.concat(ids).toString('base64url') });
    return Buffer.from(postJson('/v1/blobs/query', secret, body), 'latin1');
  });
}

/** Sends all requests, never more than one a connection, and resolves to the answers. */
function ask(pool, requests) {
  let next = 0;
  const answers = [];
  return new Promise((resolve, reject) => {
    const more = () => {
      while (next < requests.length) {
        const sent = pool.send(requests[next], ({ status, body }) => {
          if (status !== 200) reject(new Error(`a query was answered ${status}: ${body.slice(0, 200)}`));
          answers.push(JSON.parse(body).states);
          if (answers.length === requests.length) resolve(answers);
          else more();
        });
        if (!sent) return;
        next += 1;
      }
    };
    more();
  });
}

const countOf = (answers, letter) => answers.reduce((sum, states) => sum + states.split(letter).length - 1, 0);

/** One database: rates of all ids asked about. */
export async function measureExistence({ folder, blobCount, requests, say }) {
  const dataDir = await filledDataDir(folder, blobCount, say);
  const warmUp = Math.ceil(requests / 4);
  const callers = await admitCallers(dataDir, 2 ** 40);
  const all = makeRequests({ blobCount, callers, count: requests + warmUp, seed: 1 + (Date.now() % 1e6) });
  const daemon = await startDaemon({ dataDir });
  const pool = new ConnectionPool({ port: daemon.port, connections });
  try {
    // Connections are open, code is compiled, and pages that everybody needs are in the cache.
    await ask(pool, all.slice(0, warmUp));
    const readMachine = watchMachine();
    const [cpu, startedMs] = [daemon.cpu(), performance.now()];
    const answers = await ask(pool, all.slice(warmUp));
    const wall = (performance.now() - startedMs) / 1000;
    const daemonCpu = daemon.cpu() - cpu;
    const { busy, own } = readMachine();
    const ids = requests * idsPerQuery;
    const known = countOf(answers, 'o') + countOf(answers, 'c');
    if (known !== ids / 2) throw new Error(`${known} of ${ids} ids are known, and half should be`);
    return {
      blobs: blobCount,
      ids,
      owned: countOf(answers, 'o'),
      wall,
      daemonCpu,
      others: Math.max(0, (busy - own) * wall - daemonCpu),
      peak: daemon.peak(),
    };
  } finally {
    pool.close();
    await daemon.stop();
  }
}
