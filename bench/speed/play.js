// Plays a chain: every tool in turn with a repository of its own, round after round.
import { mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { median } from '../report.js';
import { countFiles, createMeter, emptyFiles, peakBytes, settle, storedBytes, warm } from './measure.js';

const fields = ['wall', 'cpu', 'serverCpu', 'others', 'memory', 'wire', 'stored'];

/** Medians, field by field; undefined where nothing has the field. */
export function middle(samples) {
  const of = (field) => samples.map((sample) => sample[field]).filter((value) => value !== undefined);
  return Object.fromEntries(fields.map((field) => [field, of(field).length > 0 ? median(of(field)) : undefined]));
}

/** Whether a tool takes part in a step of a chain. */
function takesPart(tool, chain, step) {
  if (tool.isYardstick && !chain.withYardstick) return false;
  if (chain.without?.includes(tool.name)) return false;
  if (step.tools !== undefined && !step.tools.includes(tool.name)) return false;
  return tool.kinds.includes(step.kind);
}

export const toolsOf = (tools, chain) =>
  tools.filter((tool) => chain.steps.some((step) => takesPart(tool, chain, step)));

/** Steps in which a tool pushes, all in the same way: they differ in what it has seen before. */
const pushKinds = new Set(['cold', 'unchanged', 'next']);

/** Puts in place what a step needs; returns a function that plays it, as often as it is to be played, and gives a sample of each. */
export function prepareStep({ step, server, data, out }) {
  if (step.version !== undefined) data.to(step.version);
  if (step.kind !== 'pull') warm(data.path);
  settle();
  const second = step.kind === 'second' ? server.prepareSecond() : undefined;
  const play = () => {
    if (pushKinds.has(step.kind)) return server.push(data.path);
    if (step.kind === 'pull') return server.pull(out);
    if (step.kind === 'second') return server.second(data.path, second);
    return server[step.kind]();
  };
  return () => Array.from({ length: step.times ?? 1 }, play);
}

/** One tool's way through a chain: a sample for each step, and the server's peak memory. */
async function playTool({ chain, data, tool, work, isTmpfs, measure }) {
  const folder = mkdtempSync(join(work, `${tool.name.replace(/\W/g, '-')}-`));
  const out = join(folder, 'out');
  data.to(0);
  const samples = {};
  let pushedFiles = data.files;
  const server = await tool.start(folder, measure);
  try {
    for (const step of chain.steps) {
      if (!takesPart(tool, chain, step)) continue;
      const play = prepareStep({ step, server, data, out });
      if (step.version !== undefined) pushedFiles = countFiles(data.path);
      const tries = play();
      const stored = server.data === undefined || step.kind === 'pull' ? undefined : storedBytes(server.data);
      samples[step.id] = { ...middle(tries), stored };
      if (step.kind === 'pull' && countFiles(out) !== pushedFiles)
        throw new Error(`${tool.name} pulled ${countFiles(out)} files of ${pushedFiles}`);
    }
    const serverPeak = server.serverPid === undefined ? undefined : peakBytes(server.serverPid);
    return { samples, serverPeak };
  } finally {
    await server.stop();
    // Small files keep their content as long as there is room: emptying tens of thousands takes minutes.
    if (isTmpfs) rmSync(folder, { recursive: true });
    else emptyFiles(folder, { largerThanMib: 1 });
  }
}

/** Bytes that a folder may still take. On tmpfs that is memory, which the page cache of the data needs as well. */
function freeBytes(folder, isTmpfs) {
  const { bavail, bsize } = statfsSync(folder);
  if (!isTmpfs) return bavail * bsize;
  const available = /^MemAvailable:\s*(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'));
  return Math.min(bavail * bsize, Number(available[1]) * 1024 - (2 << 30));
}

/** Why a chain cannot be played here, or undefined: a repository, what is pulled, and the data in the page cache. */
function lackOfSpace(data, work, isTmpfs) {
  const needed = data.bytes * (isTmpfs ? 3 : 2.2);
  const free = freeBytes(work, isTmpfs);
  const inGib = (bytes) => (bytes / 2 ** 30).toFixed(1);
  return free < needed ? `it wants ${inGib(needed)} GiB and there are ${inGib(free)}` : undefined;
}

/** All rounds of a chain. A tool that fails is told and left out from there on. */
export async function playChain({ chain, tools, rounds, dataFolder, work, isTmpfs, say }) {
  const data = await chain.make(dataFolder, say);
  const title = data.name ?? chain.title;
  const { files, bytes, changed, about } = data;
  const result = { id: chain.id, title, about: about ?? chain.about, files, bytes, changed, tools: {}, failures: [] };
  const lack = lackOfSpace(data, work, isTmpfs);
  if (lack !== undefined) return { ...result, leftOut: lack };
  const measure = createMeter(work);
  const playing = toolsOf(tools, chain);
  const failed = new Set();
  for (const tool of playing) result.tools[tool.name] = { steps: {}, serverPeaks: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const tool of round % 2 === 0 ? playing : playing.toReversed()) {
      if (failed.has(tool)) continue;
      // `+0M` means any content at all to find.
      if (!isTmpfs && lackOfSpace(data, work, isTmpfs)) emptyFiles(work, { largerThanMib: 0 });
      try {
        const played = await playTool({ chain, data, tool, work, isTmpfs, measure });
        const kept = result.tools[tool.name];
        for (const [id, sample] of Object.entries(played.samples)) (kept.steps[id] ??= []).push(sample);
        if (played.serverPeak !== undefined) kept.serverPeaks.push(played.serverPeak);
        const walls = Object.entries(played.samples).map(([id, { wall }]) => `${id} ${wall.toFixed(2)} s`);
        say(`${title}: ${tool.name}, round ${round + 1} of ${rounds}: ${walls.join(', ')}`);
      } catch (error) {
        failed.add(tool);
        result.failures.push({ tool: tool.name, why: error.message });
        say(`${title}: ${tool.name} failed: ${error.message}`);
      }
    }
  }
  data.to(0);
  return result;
}
