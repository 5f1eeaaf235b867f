// The goals of growth, and which of them a run has held.

const idsPerSecondLeast = 300_000;
const hashShareLeast = 0.7;
const daemonBytesMost = 200e6;
const clientBytesMost = 250e6;
/** What one more byte, blob or file may cost with more of them, as parts of what it costs with fewer. */
const growthMost = 1.5;
/** The kernel counts hundredths of a second: what is less than this is no figure to divide. */
const cpuLeast = 0.2;

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;

/** Each cost as parts of the least that a smaller row had: above 1 where it grows. */
export function growth(costs) {
  let least = Number.POSITIVE_INFINITY;
  return costs.map((cost) => {
    const parts = Number.isFinite(least) && Number.isFinite(cost) ? cost / least : 1;
    if (Number.isFinite(cost)) least = Math.min(least, cost);
    return parts;
  });
}

/** CPU of the client or daemon for each file, without what the same command costs for one file; NaN where too small. */
export function costPerFile(rows, row, step, who) {
  const one = rows.find(({ files }) => files === 1);
  const seconds = row.steps[step][who] - (one?.steps[step][who] ?? 0);
  return seconds < cpuLeast ? Number.NaN : seconds / row.files;
}

export const fileSteps = ['cold', 'unchanged', 'list'];
export const stepTitles = { cold: 'push, cold', unchanged: 'push, unchanged', list: 'listing' };

const line = (text, value, isHeld, shown) =>
  Number.isFinite(value)
    ? { text: `${text}: ${shown}`, verdict: isHeld ? 'held' : 'missed' }
    : { text: `${text}: no figures`, verdict: 'open' };

const most = (text, value, limit, show) => line(text, value, value <= limit, show(value));
const least = (text, value, limit, show) => line(text, value, value >= limit, show(value));
const times = (value) => `${value.toFixed(2)} times`;

function judgeFiles(rows) {
  const lines = [];
  for (const step of fileSteps)
    for (const who of ['cpu', 'daemonCpu']) {
      const costs = rows.filter(({ files }) => files > 1).map((row) => costPerFile(rows, row, step, who));
      if (costs.filter(Number.isFinite).length < 2) continue;
      const text = `${stepTitles[step]}: ${who === 'cpu' ? 'client' : 'daemon'} CPU for a file grows at most ${growthMost} times`;
      lines.push(most(text, Math.max(...growth(costs)), growthMost, times));
    }
  const peaks = rows.flatMap(({ files, steps }) =>
    fileSteps.map((step) => ({ what: `${files} files, ${stepTitles[step]}`, bytes: steps[step].memory })),
  );
  const worst = peaks.sort((a, b) => b.bytes - a.bytes)[0];
  const show = (bytes) => `${megabytes(bytes)} (${worst.what})`;
  lines.push(
    most(`the client takes at most ${megabytes(clientBytesMost)} for any tree`, worst?.bytes, clientBytesMost, show),
  );
  return lines;
}

/** Lines as `{ text, verdict }`; parts that were not measured are not judged. */
export function judge({ existence, uploads, clients, memory, files }) {
  const lines = [];
  for (const { blobs, ids, wall } of existence ?? []) {
    const show = (value) => Math.round(value).toLocaleString('en-US');
    const text = `${blobs.toLocaleString('en-US')} blobs: at least ${show(idsPerSecondLeast)} ids a second`;
    lines.push(least(text, ids / wall, idsPerSecondLeast, show));
  }
  if (uploads !== undefined) {
    const text = `uploads: bytes for each CPU second are at least ${hashShareLeast} of what SHA-256 alone does`;
    lines.push(least(text, uploads.hashCpu / uploads.daemonCpu, hashShareLeast, (value) => value.toFixed(2)));
  }
  if (clients !== undefined && clients.length > 1) {
    const parts = growth(clients.map(({ daemonCpu, bytes }) => daemonCpu / bytes));
    const text = `clients at once: daemon CPU for a byte grows at most ${growthMost} times`;
    lines.push(most(text, Math.max(...parts), growthMost, times));
  }
  if (memory !== undefined) {
    const text = `the daemon takes at most ${megabytes(daemonBytesMost)} while ${memory.clients} clients push large files`;
    lines.push(most(text, memory.peak, daemonBytesMost, megabytes));
  }
  return files === undefined ? lines : [...lines, ...judgeFiles(files)];
}
