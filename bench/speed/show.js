// What the bench writes: tables, the judged lines, two plots and the section of docs/performance.md.
import { barPlot } from '../plot.js';
import { table } from '../report.js';
import { bestPeer, medians } from './goals.js';
import { limitText } from './limits.js';

const count = (value) => value.toLocaleString('en-US');
const seconds = (value) => (value === undefined ? '-' : value < 1 ? value.toFixed(3) : value.toFixed(2));
const megabytes = (value) =>
  value === undefined ? '-' : (value / 1e6).toFixed(value < 10e6 ? 2 : value < 100e6 ? 1 : 0);
const ratio = (value) => (Number.isFinite(value) ? value.toFixed(2) : '-');

/** All `[step, title]` of a chain that anybody has played. */
const stepsOf = (chain) =>
  Object.entries(chain.stepTitles).filter(([step]) => Object.values(chain.tools).some(({ steps }) => steps[step]));

/** One table of a chain: a row for each step and tool. */
export function chainTable(chain) {
  const rows = stepsOf(chain).flatMap(([step, title]) => {
    const own = medians(chain, step, 'jaycloud');
    return Object.keys(chain.tools).flatMap((tool) => {
      const middle = medians(chain, step, tool);
      if (middle === undefined) return [];
      const walls = chain.tools[tool].steps[step].map(({ wall }) => wall);
      return [
        [
          title,
          tool,
          seconds(middle.wall),
          walls.length < 2 ? '-' : `${seconds(Math.min(...walls))} to ${seconds(Math.max(...walls))}`,
          tool === 'jaycloud' ? '-' : ratio(own?.wall / middle.wall),
          seconds(middle.cpu),
          seconds(middle.serverCpu),
          megabytes(middle.memory),
          megabytes(middle.wire),
          megabytes(middle.stored),
        ],
      ];
    });
  });
  const headers = ['step', 'tool', 'wall s', 'from, to', 'jaycloud to it', 'CPU s', 'server CPU s'];
  return table([...headers, 'memory MB', 'wire MB', 'stored MB'], rows);
}

/** One line for each step: how long jaycloud takes, as parts of each peer's time. */
export function ratioTable(chains) {
  const tools = [...new Set(chains.flatMap((chain) => Object.keys(chain.tools)))].filter((tool) => tool !== 'jaycloud');
  const rows = chains.flatMap((chain) =>
    stepsOf(chain).map(([step, title]) => {
      const own = medians(chain, step, 'jaycloud')?.wall;
      const best = bestPeer(chain, step);
      const cell = (tool) => ratio(own / medians(chain, step, tool)?.wall);
      return [`${chain.title}: ${title}`, seconds(own), ...tools.map(cell), best ?? '-'];
    }),
  );
  return table(['work', 'jaycloud s', ...tools, 'best peer'], rows);
}

const verdicts = { held: 'held', missed: '**missed**', open: 'not judged' };

export const judgedText = (lines) => lines.map(({ text, verdict }) => `- ${verdicts[verdict]}: ${text}`).join('\n');

/** How many times as long as jaycloud the peers take. */
function ratioPlot(chains, title, wanted) {
  const groups = wanted.flatMap(([id, step, name]) => {
    const chain = chains.find((one) => one.id === id);
    const own = medians(chain, step, 'jaycloud')?.wall;
    if (own === undefined) return [];
    const peers = Object.keys(chain.tools).filter((tool) => tool !== 'jaycloud' && medians(chain, step, tool));
    return [{ name, bars: peers.map((tool) => ({ name: tool, value: medians(chain, step, tool).wall / own })) }];
  });
  if (groups.length === 0) return undefined;
  const yLabel = "a peer's time in times of jaycloud's";
  return barPlot({ title, yLabel, isLogY: true, baseline: 1, digits: 2, groups });
}

/** `{ name: svg }`, without what there are no figures for. */
export function plots(chains, name) {
  const pushes = [
    ['random', 'cold', 'random, cold'],
    ['random', 'second', 'random, again'],
    ['tree', 'cold', 'tree, cold'],
    ['tree', 'unchanged', 'unchanged'],
    ['tree', 'next-1', 'next version'],
    ['tiny', 'cold', 'tiny files'],
  ];
  const pulls = [
    ['random', 'pull', 'random'],
    ['tree', 'pull', 'tree'],
    ['tiny', 'pull', 'tiny files'],
  ];
  const all = {
    [`performance-${name}-push.svg`]: ratioPlot(chains, 'Pushes: above 1, jaycloud is faster', pushes),
    [`performance-${name}-pull.svg`]: ratioPlot(chains, 'Pulls: above 1, jaycloud is faster', pulls),
  };
  return Object.fromEntries(Object.entries(all).filter(([, svg]) => svg !== undefined));
}

/** Cores that programs which are no part of this had while steps of a chain were played. */
export function othersCores(chain) {
  const samples = Object.values(chain.tools).flatMap(({ steps }) => Object.values(steps).flat());
  const sum = (field) => samples.reduce((total, sample) => total + (sample[field] ?? 0), 0);
  return sum('others') / sum('wall');
}

function chainText(chain, place) {
  const about = chain.about === undefined ? '' : ` ${chain.about[0].toUpperCase()}${chain.about.slice(1)}.`;
  const changed = chain.changed === undefined ? '' : ` The next version differs at ${count(chain.changed)} paths.`;
  const size = `${count(chain.files)} files, ${count(Math.round(chain.bytes / 1e6))} MB.`;
  const parts = [`### ${chain.title}, ${place}`, `${size}${about}${changed}`];
  if (chain.leftOut !== undefined) return [...parts, `Left out here: ${chain.leftOut}.`];
  parts.push(chainTable(chain));
  for (const { tool, why } of chain.failures) parts.push(`${tool} failed and is left out from there on: ${why}`);
  parts.push(`Programs that are no part of this had ${othersCores(chain).toFixed(2)} cores meanwhile.`);
  const peaks = chain.tools.jaycloud?.serverPeaks ?? [];
  if (peaks.length > 0) parts.push(`Peak memory of the daemon over all steps: ${megabytes(Math.max(...peaks))} MB.`);
  return parts;
}

export function machineLine({ machine, rounds, isQuick, isIsolated }) {
  const often = rounds === 1 ? 'One round, so that no figure is a median' : `Medians of ${rounds} rounds in turn`;
  const network = isIsolated
    ? 'Loopback is that of a network namespace which nobody else is in.'
    : 'Loopback is shared: bytes on the wire are also those of other programs.';
  const quick = isQuick ? ' A quick run with small data, for trying the bench: its figures say little.' : '';
  return `${machine.node} on ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGib} GiB of memory, Linux ${machine.kernel}. Repositories, caches and targets lie on ${machine.fileSystem}. ${network} ${often}.${quick}`;
}

/** The whole section. Its headings say where, so that those of two sections differ. */
export function sectionText(run, lines, pictures) {
  const { chains, versions, missing, notPlayed } = run;
  const played = chains.filter(({ leftOut }) => leftOut === undefined);
  const peers = versions.map(({ name, version }) => `${name}: ${version}`).join('; ');
  const parts = [machineLine(run), `${peers}.`];
  if (missing.length > 0) parts.push(`Missing on this machine: ${missing.join(', ')}.`);
  if (notPlayed.length > 0) parts.push(`Not run this time: ${notPlayed.join(', ')}.`);
  parts.push('Goals:', judgedText(lines));
  parts.push("jaycloud's time as parts of each peer's, below 1 where it is faster:");
  parts.push(ratioTable(played));
  for (const file of pictures) parts.push(`![${file.includes('push') ? 'Pushes' : 'Pulls'} beside jaycloud](${file})`);
  parts.push(...limitText(run));
  for (const chain of chains) parts.push(...chainText(chain, run.isTmpfs ? 'in memory' : 'on a disk'));
  return parts.join('\n\n');
}
