// What a run of the growth bench says: tables, and the section of docs/performance.md.
import { table } from '../report.js';
import { costPerFile, fileSteps, growth, stepTitles } from './goals.js';

const count = (value) => Math.round(value).toLocaleString('en-US');
const fixed = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : '-');
const megabytes = (bytes) => fixed(bytes / 1e6, 0);
const cores = ({ others, wall }) => fixed(others / wall, 2);

function existenceTable(rows) {
  const headers = ['blobs', 'ids asked', 'ids a second', 'daemon CPU µs an id', 'peak memory MB', 'cores of others'];
  const cells = rows.map((row) => [
    count(row.blobs),
    count(row.ids),
    count(row.ids / row.wall),
    fixed((row.daemonCpu / row.ids) * 1e6, 2),
    megabytes(row.peak),
    cores(row),
  ]);
  return table(headers, cells);
}

function uploadTable(row) {
  const rates = [row.bytes / row.daemonCpu / 1e6, row.bytes / row.hashCpu / 1e6];
  const headers = ['MB', 'daemon CPU s', 'SHA-256 CPU s', 'MB a CPU second', 'of SHA-256 alone', 'cores of others'];
  const cells = [
    megabytes(row.bytes),
    fixed(row.daemonCpu, 2),
    fixed(row.hashCpu, 2),
    ...rates.map((r) => fixed(r, 0)),
  ];
  return table(headers, [[...cells, cores(row)]]);
}

function clientTable(rows, memory) {
  const parts = growth(rows.map(({ daemonCpu, bytes }) => daemonCpu / bytes));
  const headers = [
    'clients',
    'pushes',
    'MB',
    'daemon CPU s',
    'CPU ms a MB',
    'CPU ms a push',
    'grows',
    'peak memory MB',
  ];
  const cells = (row, grown) => [
    row.clients,
    row.pushes ?? row.clients,
    megabytes(row.bytes),
    fixed(row.daemonCpu, 2),
    fixed((row.daemonCpu / row.bytes) * 1e9, 2),
    fixed((row.daemonCpu / (row.pushes ?? row.clients)) * 1e3, 0),
    grown,
    megabytes(row.peak),
  ];
  const all = rows.map((row, at) => cells(row, fixed(parts[at], 2)));
  if (memory !== undefined) all.push(cells(memory, '-'));
  return table(headers, all);
}

function fileTable(rows) {
  const larger = rows.filter(({ files }) => files > 1);
  const headers = [
    'files',
    'step',
    'wall s',
    'client CPU s',
    'µs a file',
    'grows',
    'daemon CPU s',
    'µs a file',
    'grows',
  ];
  headers.push('client memory MB');
  const cells = fileSteps.flatMap((step) => {
    const costs = (who) => larger.map((row) => costPerFile(rows, row, step, who));
    const [client, daemon] = [costs('cpu'), costs('daemonCpu')];
    const [clientGrowth, daemonGrowth] = [growth(client), growth(daemon)];
    const shown = (cost, grown) => (Number.isFinite(cost) ? [fixed(cost * 1e6, 1), fixed(grown, 2)] : ['-', '-']);
    return rows.map((row) => {
      const at = larger.indexOf(row);
      const { wall, cpu, daemonCpu, memory } = row.steps[step];
      return [
        count(row.files),
        stepTitles[step],
        fixed(wall, 2),
        fixed(cpu, 2),
        ...shown(client[at], clientGrowth[at]),
        fixed(daemonCpu, 2),
        ...shown(daemon[at], daemonGrowth[at]),
        megabytes(memory),
      ];
    });
  });
  return table(headers, cells);
}

/** Titled tables of all parts that were measured. */
export function tables({ existence, uploads, clients, memory, files }) {
  const parts = [];
  if (existence !== undefined) parts.push(['Existence', existenceTable(existence)]);
  if (uploads !== undefined) parts.push(['Uploads of random blobs', uploadTable(uploads)]);
  if (clients !== undefined) parts.push(['Clients at once', clientTable(clients, memory)]);
  if (files !== undefined) parts.push(['Trees of tiny files', fileTable(files)]);
  return parts;
}

export function judgedText(lines) {
  return lines.map(({ text, verdict }) => `- ${verdict === 'missed' ? '**missed**' : verdict}: ${text}`).join('\n');
}

export function machineLine({ machine, isQuick }) {
  const { node, cores: coreCount, cpu, memoryGib, kernel, fileSystem } = machine;
  const form = isQuick ? 'The quick form, with small data. ' : '';
  return `${form}${node} on ${coreCount} cores of ${cpu}, ${memoryGib} GiB of memory, Linux ${kernel}, ${fileSystem}.`;
}

/** What a run leaves in docs/performance.md. */
export function sectionText(run, lines) {
  const goals = `Goals:\n\n${judgedText(lines)}`;
  return [machineLine(run), goals, ...tables(run).flatMap(([title, text]) => [`### ${title}`, text])].join('\n\n');
}
