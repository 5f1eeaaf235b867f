// The goals of the bench, and which of them a run has held.
import { middle } from './play.js';

/** Wall clock of jaycloud, as parts of a peer's in the same run. `best` is the fastest peer of the row. */
const timeGoals = [
  { chain: 'random', step: 'cold', against: 'restic', most: 0.35 },
  { chain: 'random', step: 'cold', against: 'openssl', most: 2.5 },
  { chain: 'random', step: 'second', against: 'openssl', most: 1.6 },
  { chain: 'random', step: 'pull', against: 'best', most: 0.5 },
  { chain: 'tree', step: 'cold', against: 'best', most: 0.5 },
  { chain: 'tree', step: 'unchanged', against: 'restic', most: 0.35 },
  { chain: 'tree', step: 'next-1', against: 'restic', most: 0.4 },
  { chain: 'tree', step: 'pull', against: 'best', most: 0.5 },
];
const byteGoals = [
  { chain: 'tree', step: 'cold', field: 'stored', what: 'stored bytes' },
  { chain: 'tree', step: 'next-1', field: 'wire', what: 'bytes on the wire' },
];
const wireShareMost = 0.001;
const clientBytesMost = 250e6;
const daemonBytesMost = 200e6;
const startGoals = [
  { step: 'version', most: 0.08, what: '`jaycloud --version`' },
  { step: 'list', most: 0.25, what: '`jaycloud ls` of a small vault on a daemon' },
];

/** The medians of a tool in a step; undefined where it did not take part. */
export function medians(chain, step, tool) {
  const samples = chain?.tools?.[tool]?.steps[step];
  return samples === undefined || samples.length === 0 ? undefined : middle(samples);
}

export const isYardstick = (tool) => tool === 'openssl';

/** The fastest peer of a step. */
export function bestPeer(chain, step) {
  const peers = Object.keys(chain?.tools ?? {}).filter((tool) => tool !== 'jaycloud' && !isYardstick(tool));
  const timed = peers.map((tool) => ({ tool, wall: medians(chain, step, tool)?.wall })).filter(({ wall }) => wall);
  return timed.sort((a, b) => a.wall - b.wall)[0]?.tool;
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 10e6 ? 2 : 0)} MB`;

function judgeTime(chain, { step, against, most }) {
  const peer = against === 'best' ? bestPeer(chain, step) : against;
  const [own, other] = [medians(chain, step, 'jaycloud')?.wall, medians(chain, step, peer)?.wall];
  const beside = against === 'best' ? `the best peer${peer === undefined ? '' : ` (${peer})`}` : against;
  return {
    text: `takes at most ${most} of the time of ${beside}`,
    most,
    value: own / other,
    show: (v) => v.toFixed(2),
  };
}

function judgeBytes(chain, { step, field, what }) {
  const [own, other] = ['jaycloud', 'restic'].map((tool) => medians(chain, step, tool)?.[field]);
  const show = () => `${megabytes(own)} and ${megabytes(other)}`;
  return { text: `${what} are at most restic's`, most: 1, value: own / other, show };
}

function judgeWireShare(chain) {
  const wire = medians(chain, 'second', 'jaycloud')?.wire;
  const show = (value) => `${(100 * value).toFixed(3)} %`;
  return { text: 'less than 0.1 % of the bytes on the wire', most: wireShareMost, value: wire / chain.bytes, show };
}

/** The row of all in which jaycloud's client, or its daemon, took the most memory. */
function judgeMemory(chains) {
  const client = [];
  const daemon = [];
  for (const chain of chains) {
    for (const [step, samples] of Object.entries(chain.tools.jaycloud?.steps ?? {}))
      client.push(...samples.map(({ memory }) => ({ row: `${chain.title}, ${step}`, bytes: memory })));
    daemon.push(...(chain.tools.jaycloud?.serverPeaks ?? []).map((bytes) => ({ row: chain.title, bytes })));
  }
  const line = (who, all, most) => {
    const worst = all.sort((a, b) => b.bytes - a.bytes)[0];
    const text = `memory: the ${who} takes at most ${most / 1e6} MB in any row and round`;
    return { text, most, value: worst?.bytes ?? Number.NaN, show: (value) => `${megabytes(value)} (${worst.row})` };
  };
  return [line('client', client, clientBytesMost), line('daemon', daemon, daemonBytesMost)];
}

/** Lines as `{ text, verdict }`. Goals of a chain that was not played are not judged; a peer that is missing is told. */
export function judge(chains) {
  const played = chains.filter(({ leftOut }) => leftOut === undefined);
  const find = (id) => played.find((chain) => chain.id === id);
  const lines = [];
  const add = (prefix, { text, most, value, show }) => {
    const goal = `${prefix}${text}`;
    if (Number.isFinite(value))
      lines.push({ text: `${goal}: ${show(value)}`, verdict: value <= most ? 'held' : 'missed' });
    else lines.push({ text: `${goal}: no figures`, verdict: 'open' });
  };
  const titled = (chain, step) => `${chain.title}, ${chain.stepTitles[step]}: `;
  for (const goal of timeGoals) {
    const chain = find(goal.chain);
    if (chain !== undefined) add(titled(chain, goal.step), judgeTime(chain, goal));
  }
  const random = find('random');
  if (random !== undefined) add(titled(random, 'second'), judgeWireShare(random));
  for (const goal of byteGoals) {
    const chain = find(goal.chain);
    if (chain !== undefined) add(titled(chain, goal.step), judgeBytes(chain, goal));
  }
  for (const line of judgeMemory(played)) add('', line);
  const start = find('start');
  for (const { step, most, what } of start === undefined ? [] : startGoals) {
    const show = (value) => `${Math.round(1000 * value)} ms`;
    const value = medians(start, step, 'jaycloud')?.wall;
    add('', { text: `${what} takes at most ${1000 * most} ms`, most, value, show });
  }
  for (const chain of played)
    for (const { tool, why } of chain.failures)
      if (tool === 'jaycloud') lines.push({ text: `${chain.title}: jaycloud ends well: ${why}`, verdict: 'missed' });
  return lines;
}
