// The real programs as the bench starts them, and the daemon's figures as its metrics listener gives them.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../../scripts/setup.js';

export const daemonProgram = join(root, 'bin', 'jaycloudd.js');
const clientProgram = join(root, 'bin', 'jaycloud.js');
const slowDisk = join(root, 'bench', 'flood', 'slow-disk.js');

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** `ended` resolves to exit code, whatever it said, and its seconds. */
export function runProgram(program, args, env = {}) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (exit) => {
      resolve({ exit, output, seconds: (performance.now() - startedAt) / 1000 });
    });
  });
  return { child, ended };
}

/** One command on the machine whose home is `home`. */
export function jaycloud(home, url, args) {
  return runProgram(clientProgram, [...args, '--json'], {
    HOME: home,
    JAYCLOUD_CONFIG_DIR: join(home, 'config'),
    JAYCLOUD_CACHE_DIR: join(home, 'cache'),
    JAYCLOUD_DATA_DIR: join(home, 'data'),
    JAYCLOUD_CREDENTIAL_STORE: 'file',
    JAYCLOUD_SERVER: url,
    JAYCLOUD_PASSWORD: 'bench',
  });
}

/** Starts `jaycloudd serve` on a slow disk; resolves when it listens. */
export async function startDaemon({ dataDir, port, metricsPort, pow }) {
  const metrics = metricsPort === undefined ? [] : ['--metrics', `127.0.0.1:${metricsPort}`];
  const args = ['serve', '--data', dataDir, '--listen', `127.0.0.1:${port}`, '--replay', 'shared', '--pow', pow];
  const child = spawn(
    process.execPath,
    ['--import', slowDisk, daemonProgram, ...args, ...metrics, '--log-level', 'warn'],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env.PATH } },
  );
  const ended = new Promise((resolve) => child.on('close', resolve));
  const first = await Promise.race([
    new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve)),
    ended.then((exit) => {
      throw new Error(`jaycloudd ended with ${exit}`);
    }),
  ]);
  return {
    url: JSON.parse(first).url,
    pid: child.pid,
    stop: () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      return ended.finally(() => clearTimeout(timer));
    },
  };
}

/** `{'name{labels}': value}` of what the metrics listener says; undefined where it does not answer in time. */
export async function readMetrics(port) {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(5000) });
    const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return Object.fromEntries(
      lines.map((line) => {
        const at = line.lastIndexOf(' ');
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
    );
  } catch {
    return undefined;
  }
}

/** Sums all values of a counter by one label. */
export function byLabel(metrics, name, label) {
  const sums = {};
  for (const [key, value] of Object.entries(metrics)) {
    if (!key.startsWith(`${name}{`)) continue;
    const found = new RegExp(`${label}="([^"]*)"`).exec(key)?.[1];
    if (found !== undefined) sums[found] = (sums[found] ?? 0) + value;
  }
  return sums;
}
