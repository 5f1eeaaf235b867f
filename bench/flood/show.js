// What the bench writes: the table, the lines that are judged, and the plot.
import { linePlot } from '../plot.js';
import { table } from '../report.js';

const percent = (share) => (Number.isFinite(share) ? `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %` : '-');
const seconds = (value) => (Number.isFinite(value) ? value.toFixed(1) : '-');
const cores = (value) => (Number.isFinite(value) ? value.toFixed(2) : '-');

/** Requests that the generator got an answer to, each second of the honest window. */
function answeredPerSecond({ generator, windowS }) {
  if (generator === undefined) return Number.NaN;
  const answers = (counts) =>
    Object.entries(counts)
      .filter(([name]) => /^(grant|upload|challenge|first use|bad MAC|random answers|15 of 16|replay)\b/.test(name))
      .reduce((sum, [, count]) => sum + count, 0);
  return (answers(generator.counts) - answers(generator.settled.counts)) / windowS;
}

function uploadsPerSecond({ generator, windowS }) {
  if (generator === undefined) return Number.NaN;
  const of = ({ counts }) => counts['upload ok'] ?? 0;
  return (of(generator) - of(generator.settled)) / windowS;
}

const meanFactor = ({ samples, fromS, toS }) => {
  const inside = samples.filter(({ atS, new: factor }) => atS >= fromS && atS <= toS && factor !== undefined);
  return inside.reduce((sum, sample) => sum + sample.new, 0) / inside.length;
};

const generatorCores = ({ generator, windowS }) =>
  generator === undefined ? 0 : (generator.cpuSeconds - generator.settled.cpuSeconds) / windowS;

/** Cores that programs of others had in the honest window. The server at the side counts as one of them. */
export function othersCores(result) {
  const { machine, use } = result;
  return Math.max(0, machine.busy - machine.own - use.cpu - generatorCores(result));
}

/** Beyond this a run says little about latencies. */
export const isDisturbed = (result) => othersCores(result) >= 0.2;

export function resultTable(results) {
  const rows = results.map((result) => {
    const { name, honest, use, generator } = result;
    const rate = answeredPerSecond(result);
    return [
      name,
      `${honest.done} of ${honest.started}`,
      percent(honest.goodput),
      percent(honest.bytesGoodput),
      seconds(honest.p50),
      seconds(honest.p95),
      Number.isFinite(rate) ? Math.round(rate).toLocaleString('en-US') : '-',
      generator === undefined ? '-' : uploadsPerSecond(result).toFixed(1),
      Number.isFinite(meanFactor(result)) ? meanFactor(result).toFixed(1) : '-',
      percent(use.verify),
      cores(use.cpu),
      generator === undefined ? '-' : cores(generatorCores(result)),
      cores(othersCores(result)),
    ];
  });
  return table(
    [
      'run',
      'pushes done',
      'goodput',
      'bytes',
      'p50 s',
      'p95 s',
      'attack answers/s',
      'attack uploads/s',
      'price factor, new',
      'verification, of a core',
      'daemon, cores',
      'generator, cores',
      'others, cores',
    ],
    rows,
  );
}

/** Requests each second of a flood that does not wait for answers. */
export function hastyPerSecond({ generator, windowS }) {
  const sent = ({ counts }) => counts['sent in haste'] ?? 0;
  return (sent(generator) - sent(generator.settled)) / windowS;
}

/** Answers of a bogus flood by kind and outcome. */
export function bogusTable({ generator, windowS }) {
  const kinds = ['bad MAC', 'random answers', '15 of 16', 'replay'];
  const rows = [];
  for (const kind of kinds) {
    for (const [name, count] of Object.entries(generator.counts).sort()) {
      if (!name.startsWith(`${kind}: `)) continue;
      const inWindow = count - (generator.settled.counts[name] ?? 0);
      const outcome = name.slice(kind.length + 2);
      rows.push([kind, outcome, count.toLocaleString('en-US'), (inWindow / windowS).toFixed(1)]);
    }
  }
  return table(['sent', 'answer', 'in all', 'each second'], rows);
}

/** Judged lines; a run that was left out judges nothing. */
export function judge(results) {
  const run = (name) => results.find((result) => result.name === name);
  const [idle, flood, bogus, hasty] = ['idle', '100 attackers', 'bogus flood', 'bogus flood in haste'].map((name) =>
    run(`${name}, adaptive`),
  );
  const lines = [];
  const add = (text, isHeld) => lines.push({ text, isHeld });
  if (idle !== undefined && flood !== undefined) {
    const share = flood.honest.goodput / idle.honest.goodput;
    add(`goodput under 100 attackers is at least 95 % of idle: ${percent(share)}`, share >= 0.95);
  }
  if (idle !== undefined && bogus !== undefined) {
    const ratio = bogus.honest.p95 / idle.honest.p95;
    const text = `the bogus flood makes the honest p95 less than 1.25 times as long: ${ratio.toFixed(2)}`;
    // A slow baseline would excuse anything.
    const isFair = [idle, bogus].every((result) => !isDisturbed(result));
    add(
      isFair ? text : `${text}, but others disturbed one of the two runs, so this says nothing`,
      isFair && ratio < 1.25,
    );
  }
  for (const result of [flood, bogus, hasty]) {
    if (result === undefined) continue;
    const { verify } = result.use;
    add(`verification takes at most 20 % of a core, ${result.name}: ${percent(verify)}`, verify <= 0.2);
  }
  return lines;
}

export function pricePlot(results) {
  const series = results
    .filter(({ name }) => name.includes('adaptive') && !name.includes('idle'))
    .flatMap(({ name, samples }) =>
      ['new', 'established'].map((tier) => ({
        name: `${name.replace(', adaptive', '')}, ${tier}`,
        dash: tier === 'established',
        points: samples.map((sample) => [sample.atS, sample[tier]]),
      })),
    );
  return linePlot({
    title: 'The price while real attackers pay it',
    xLabel: 'seconds since the attack began',
    yLabel: 'price factor',
    isLogY: true,
    series,
  });
}
