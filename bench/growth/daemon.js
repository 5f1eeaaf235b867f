// A real `jaycloudd` for the bench, and what the kernel says of it.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { daemonProgram } from '../flood/programs.js';
import { cpuSeconds, peakBytes } from '../speed/measure.js';
import { stopServer } from '../speed/servers.js';

/** Starts `jaycloudd serve`, without proof of work: what clients do before is not part of what is measured. */
export async function startDaemon({ dataDir, port = 0 }) {
  const args = ['serve', '--data', dataDir, '--listen', `127.0.0.1:${port}`, '--pow', 'off', '--log-level', 'warn'];
  const child = spawn(process.execPath, [daemonProgram, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH },
  });
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('close', (exit) => reject(new Error(`jaycloudd ended with ${exit}`)));
  });
  const { url } = JSON.parse(line);
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid,
    cpu: () => cpuSeconds(child.pid),
    peak: () => peakBytes(child.pid),
    stop: () => stopServer(child),
  };
}
