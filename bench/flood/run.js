// One run: a fresh daemon, attackers if any, honest pushes, and what was measured of each.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { quantile } from '../report.js';
import { patienceS, pushAll } from './honest.js';
import { waitForQuiet, watchMachine } from './machine.js';
import { byLabel, freePort, readMetrics, startDaemon } from './programs.js';
import { copyTemplate } from './template.js';

const dummyProgram = fileURLToPath(new URL('dummy.js', import.meta.url));
const attackProgram = fileURLToPath(new URL('attack.js', import.meta.url));

export async function startAttack(folder, config) {
  const file = join(folder, 'attack.json');
  writeFileSync(file, JSON.stringify(config));
  const child = spawn(process.execPath, [attackProgram, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const lines = createInterface({ input: child.stdout });
  return {
    report: () =>
      new Promise((resolve, reject) => {
        lines.once('line', (line) => resolve(JSON.parse(line)));
        ended.then(() => reject(new Error('the load generator ended')));
        child.stdin.write('\n');
      }),
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}

/** Another server for the attack, while the daemon is left alone; stands in for the machine's part of the cost. */
async function startDummy(port) {
  const child = spawn(process.execPath, [dummyProgram, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  await new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
  return () => {
    child.stdin.end();
    return ended;
  };
}

/** Asks the daemon for its figures once a second until it is told to stop. */
function sampleMetrics(port) {
  const startMs = performance.now();
  const samples = [];
  let isOver = false;
  const loop = (async () => {
    while (!isOver) {
      const metrics = await readMetrics(port);
      if (metrics !== undefined) samples.push({ atS: (performance.now() - startMs) / 1000, metrics });
      await sleep(1000 - ((performance.now() - startMs) % 1000));
    }
  })();
  return {
    samples,
    stop: () => {
      isOver = true;
      return loop;
    },
  };
}

const cpuName = 'jaycloudd_process_cpu_seconds_total';
const verifyName = 'jaycloudd_verification_seconds_total';

/** What the daemon used from the begin of the honest window to its end, in cores. */
function daemonUse(samples, fromS, toS) {
  const inside = samples.filter(({ atS }) => atS >= fromS && atS <= toS);
  const [first, last] = [inside[0], inside.at(-1)];
  if (first === undefined || last === first) return { cpu: Number.NaN, verify: Number.NaN };
  const share = (name) => (last.metrics[name] - first.metrics[name]) / (last.atS - first.atS);
  return { cpu: share(cpuName), verify: share(verifyName) };
}

function summarize(pushes) {
  const done = pushes.filter(({ isDone }) => isDone);
  const bytes = (list) => list.reduce((sum, { newBytes }) => sum + newBytes, 0);
  const why = {};
  for (const push of pushes) if (!push.isDone) why[push.why] = (why[push.why] ?? 0) + 1;
  // A push that failed took at least as long as its user was patient.
  const seconds = pushes.map((push) => (push.isDone ? push.seconds : Math.max(push.seconds, patienceS)));
  return {
    started: pushes.length,
    done: done.length,
    goodput: done.length / pushes.length,
    bytesGoodput: bytes(done) / bytes(pushes),
    p50: quantile(seconds, 0.5),
    p95: quantile(seconds, 0.95),
    why,
  };
}

/** `attack` is undefined for an idle daemon; `settleS` is how long attackers are alone. */
export async function runOnce({ name, pow, attack, isDummy, shared }) {
  const { work, template, port, metricsPort, times, settleS, seed } = shared;
  const folder = join(work, name.replaceAll(/[^a-z0-9]+/gi, '-'));
  mkdirSync(folder, { recursive: true });
  const { dataDir, homes } = copyTemplate(template, folder, times.length, seed);
  await waitForQuiet();
  const attackPort = isDummy ? await freePort() : port;
  const stopDummy = isDummy ? await startDummy(attackPort) : undefined;
  const daemon = await startDaemon({ dataDir, port, metricsPort, pow });
  const sampler = sampleMetrics(metricsPort);
  const startMs = performance.now();
  const elapsed = () => (performance.now() - startMs) / 1000;
  const config = { ...shared.attack, ...attack, port: attackPort };
  const attackers = attack === undefined ? undefined : await startAttack(folder, config);
  await sleep(settleS * 1000);
  const before = await attackers?.report();
  const fromS = elapsed();
  const readMachine = watchMachine();
  const pushes = await pushAll(daemon.url, homes, times);
  const toS = elapsed();
  const machine = readMachine();
  const generator = await attackers?.report();
  const last = await readMetrics(metricsPort);
  await sampler.stop();
  await attackers?.stop();
  await stopDummy?.();
  await daemon.stop();
  rmSync(folder, { recursive: true, force: true });
  const { samples } = sampler;
  return {
    name,
    isDummy,
    honest: summarize(pushes),
    use: daemonUse(samples, fromS, toS),
    machine,
    fromS,
    toS,
    windowS: toS - fromS,
    turnedAway: byLabel(last ?? {}, 'jaycloudd_turned_away_total', 'reason'),
    refused: byLabel(last ?? {}, 'jaycloudd_refusals_total', 'code'),
    admitted: byLabel(last ?? {}, 'jaycloudd_admitted_total', 'tier'),
    generator: generator && { ...generator, settled: before },
    samples: samples.map(({ atS, metrics }) => ({ atS, ...priceOf(metrics) })),
  };
}

function priceOf(metrics) {
  return {
    established: metrics['jaycloudd_price_factor{tier="established"}'],
    new: metrics['jaycloudd_price_factor{tier="new"}'],
    capacity: metrics.jaycloudd_capacity_grants_per_second,
    use: metrics.jaycloudd_capacity_use,
  };
}

export function readKeysFile(folder) {
  return JSON.parse(readFileSync(join(folder, 'server-keys.json'), 'utf8'));
}
