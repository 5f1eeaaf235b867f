// What `npm run bench:link` shows and writes: two tables and the judged goals.
import { table } from '../report.js';
import { smallSteps } from './scenarios.js';

const shareWanted = 0.8;
const unchangedRoundTripsMax = 10;

const percent = (value) => `${(value * 100).toFixed(0)} %`;

/** Part of the line that the content took while the program ran, its start left out. */
export function shareOf({ link, startUp }, { wall }) {
  return (link.bytes * 8) / (link.bitsPerSecond * (wall - startUp));
}

const bulkSteps = ['push', 'pull'];

function bulkTable(bulks) {
  const rows = bulks.flatMap((bulk) =>
    bulkSteps.map((step) => [
      bulk.link.title,
      (bulk.link.bytes / 1e6).toFixed(0),
      step,
      bulk.tool,
      bulk[step].wall.toFixed(1),
      bulk.startUp.toFixed(2),
      percent(shareOf(bulk, bulk[step])),
      (bulk[step].memory / 1e6).toFixed(0),
    ]),
  );
  return table(['link', 'MB', 'step', 'tool', 'wall s', 'of it start-up', 'share of the link', 'memory MB'], rows);
}

/** Round trips of a step: what it takes longer than without delay, in units of the delay. */
function roundTripsOf(rtts, at, step) {
  return ((rtts[at].walls[step] - rtts[0].walls[step]) * 1000) / rtts[at].rttMs;
}

const sum = (counts) => Object.values(counts).reduce((all, count) => all + count, 0);

function roundTripTable(smalls) {
  const delays = smalls[0].rtts.map(({ rttMs }) => rttMs);
  const rows = smallSteps.flatMap(([step, title]) =>
    smalls.map(({ tool, rtts }) => [
      title,
      tool,
      ...rtts.map(({ walls }) => walls[step].toFixed(2)),
      ...delays.slice(1).map((_ms, at) => roundTripsOf(rtts, at + 1, step).toFixed(1)),
      rtts.at(-1).requests[step] === undefined ? '-' : sum(rtts.at(-1).requests[step]),
    ]),
  );
  const waits = delays.map((ms) => `s at ${ms} ms`);
  const trips = delays.slice(1).map((ms) => `round trips at ${ms} ms`);
  return table(['step', 'tool', ...waits, ...trips, 'requests'], rows);
}

/** `{text, isHeld}` of each goal. */
export function judgeLink({ bulks, smalls }) {
  const lines = bulks
    .filter(({ tool }) => tool === 'jaycloud')
    .flatMap((bulk) =>
      bulkSteps.map((step) => {
        const share = shareOf(bulk, bulk[step]);
        const text = `${bulk.link.title}, ${step}: at least ${percent(shareWanted)} of the link: ${percent(share)}`;
        return { text, isHeld: share >= shareWanted };
      }),
    );
  const own = smalls.find(({ tool }) => tool === 'jaycloud');
  for (let at = 1; at < (own?.rtts.length ?? 0); at += 1) {
    const trips = roundTripsOf(own.rtts, at, 'unchanged');
    const where = `${own.rtts[at].rttMs} ms`;
    const text = `${where}, unchanged push: at most ${unchangedRoundTripsMax} round trips: ${trips.toFixed(1)}`;
    lines.push({ text, isHeld: trips <= unchangedRoundTripsMax });
  }
  return lines;
}

function requestLines({ smalls }) {
  const own = smalls.find(({ tool }) => tool === 'jaycloud');
  if (own === undefined) return [];
  return smallSteps.map(([step, title]) => {
    const counts = Object.entries(own.rtts.at(-1).requests[step]);
    return `- ${title}: ${counts.map(([name, count]) => (count > 1 ? `${count} × \`${name}\`` : `\`${name}\``)).join(', ')}`;
  });
}

export function linkText(run) {
  const goals = judgeLink(run).map(({ text, isHeld }) => `- ${isHeld ? 'held' : '**missed**'}: ${text}`);
  const { machine, congestion, versions, tries } = run;
  const parts = [
    `${machine.node} on ${machine.cores} cores of ${machine.cpu}, Linux ${machine.kernel}; both ends use TCP ${congestion}. ${tries}`,
    `${versions.map(({ name, version }) => `${name}: ${version}`).join('; ')}.`,
    'Goals:',
    goals.join('\n'),
  ];
  if (run.bulks.length > 0) parts.push('### Filling the link', bulkTable(run.bulks));
  if (run.smalls.length > 0) {
    parts.push('### Waiting for answers', roundTripTable(run.smalls));
    parts.push('What jaycloud asked its daemon, in the last of the tries:', requestLines(run).join('\n'));
  }
  if (run.failures.length > 0) parts.push(run.failures.map((line) => `- failed: ${line}`).join('\n'));
  return parts.join('\n\n');
}
