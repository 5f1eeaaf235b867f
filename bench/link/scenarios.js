// What is played over the link: pushes and pulls of noise that fill it, and small work that only waits for answers.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { countFiles, settle, warm } from '../speed/measure.js';
import { openLink } from './network.js';

const mbit = 1e6;
const chunkBytes = 8e6;

/** A large transfer for its line: two to three minutes where the line is used well. A peer that uses it badly gets less. */
export const bulkLinks = [
  { title: '100 Mbit/s, 50 ms', bitsPerSecond: 100 * mbit, rttMs: 50, loss: 0, bytes: 1500e6 },
  { title: '100 Mbit/s, 200 ms', bitsPerSecond: 100 * mbit, rttMs: 200, loss: 0, bytes: 1500e6 },
  {
    title: '20 Mbit/s, 50 ms, 1 % loss',
    bitsPerSecond: 20 * mbit,
    rttMs: 50,
    loss: 0.01,
    bytes: 400e6,
    peerBytes: 24e6,
  },
  {
    title: '20 Mbit/s, 200 ms, 1 % loss',
    bitsPerSecond: 20 * mbit,
    rttMs: 200,
    loss: 0.01,
    bytes: 400e6,
    peerBytes: 24e6,
  },
  { title: '2 Mbit/s, 200 ms, 1 % loss', bitsPerSecond: 2 * mbit, rttMs: 200, loss: 0.01, bytes: 36e6, peerBytes: 6e6 },
];

/** With a second and more TCP would send its first packets again; the longer the delay, the less a busy machine matters. */
const roundTripRtts = [0, 200, 600];
/** Others on the machine make a start slower and never faster, so the shortest of several tries counts. */
export const smallTries = 3;
export const smallSteps = [
  ['first', 'first push of 200 small files'],
  ['unchanged', 'push of 3,000 unchanged files'],
  ['list', 'list of all names'],
  ['entries', 'list of 3,000 entries'],
];

/** A folder with so many bytes of noise in four files. */
function makeNoise(folder, bytes) {
  mkdirSync(folder, { recursive: true });
  const fileBytes = bytes / 4;
  for (let file = 0; file < 4; file += 1) {
    const path = join(folder, `noise-${file}`);
    writeFileSync(path, '');
    for (let at = 0; at < fileBytes; at += chunkBytes)
      writeFileSync(path, randomBytes(Math.min(chunkBytes, fileBytes - at)), { flag: 'a' });
  }
  return folder;
}

function makeSmallFiles(folder, count) {
  for (let at = 0; at < count; at += 1) {
    const place = join(folder, `folder-${Math.floor(at / 50)}`);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, `file-${at}`), randomBytes(1000 + (at % 7) * 500));
  }
  return folder;
}

/** The link with as many bytes as a tool gets there. */
export function linkFor(tool, { peerBytes, ...link }) {
  return tool.name === 'jaycloud' || peerBytes === undefined ? link : { ...link, bytes: peerBytes };
}

/** One push and one pull of a tool over one link; `tool` is started for it alone. */
export async function playBulk({ tool, link, space, congestion, work, measure, place, seed }) {
  const folder = mkdtempSync(join(work, `${tool.name}-`));
  const data = makeNoise(join(folder, 'noise'), link.bytes);
  const carried = await openLink(space, { ...link, congestion, seed });
  const out = join(folder, 'out');
  let server;
  try {
    server = await tool.start(folder, measure, place);
    const startUp = server.version().wall;
    warm(data);
    settle();
    const push = server.push(data);
    settle();
    const pull = server.pull(out);
    if (countFiles(out) !== 4) throw new Error(`${tool.name} pulled ${countFiles(out)} files of 4`);
    return { startUp, push, pull };
  } finally {
    await server?.stop();
    await carried.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How often each request stands in what the daemon has logged since `from` bytes. */
function countRequests(logFile, from) {
  const counts = {};
  for (const line of readFileSync(logFile, 'utf8').slice(from).split('\n')) {
    if (!line.includes('"msg":"request"')) continue;
    const { method, path } = JSON.parse(line);
    const name = `${method} ${path}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** A tool's small work over one link: the shortest wall seconds, and the requests that a daemon has counted. */
function playSmall({ server, folder, tree, measured, logFile }) {
  const walls = Object.fromEntries(smallSteps.map(([id]) => [id, []]));
  const requests = {};
  for (let attempt = 0; attempt < smallTries; attempt += 1) {
    const fresh = makeSmallFiles(join(folder, `fresh-${measured}-${attempt}`), 200);
    const plays = {
      first: () => server.push(fresh),
      unchanged: () => server.push(tree),
      list: () => server.list(),
      entries: () => server.entries(),
    };
    // The tree's own push comes last before it is pushed unchanged, so that names in one vault do not matter.
    for (const [id] of smallSteps) {
      if (id === 'unchanged') server.push(tree);
      const from = logFile === undefined ? 0 : readFileSync(logFile).length;
      walls[id].push(plays[id]().wall);
      if (logFile !== undefined) requests[id] = countRequests(logFile, from);
    }
  }
  const shortest = Object.fromEntries(Object.entries(walls).map(([id, values]) => [id, Math.min(...values)]));
  return { walls: shortest, requests };
}

/** Small work of a tool over links of one rate and several delays. */
export async function playRoundTrips({ tool, space, congestion, work, measure, place, seed, logFile }) {
  const folder = mkdtempSync(join(work, `${tool.name}-`));
  const tree = makeSmallFiles(join(folder, 'tree'), 3000);
  const link = { bitsPerSecond: 100 * mbit, loss: 0, congestion, seed };
  let server;
  const rtts = [];
  try {
    for (const rttMs of roundTripRtts) {
      const carried = await openLink(space, { ...link, rttMs });
      try {
        server ??= await tool.start(folder, measure, place);
        const log = tool.name === 'jaycloud' ? logFile : undefined;
        rtts.push({ rttMs, ...playSmall({ server, folder, tree, measured: rttMs, logFile: log }) });
      } finally {
        await carried.close();
      }
    }
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return rtts;
}
