// A real `jaycloudd` for the bench, and what the kernel says of it.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { daemonProgram } from '../flood/programs.js';
import { cpuSeconds, peakBytes } from '../speed/measure.js';
import { stopServer } from '../speed/servers.js';

/** Starts `jaycloudd serve`; `pow` is off where work that clients do first is not part of what is measured. */
export async function startDaemon({ dataDir, pow = 'off' }) {
  const args = ['serve', '--data', dataDir, '--listen', '127.0.0.1:0', '--pow', pow, '--log-level', 'warn'];
  const child = spawn(process.execPath, [...(process.env.GROWTH_NODE?.split(' ') ?? []), daemonProgram, ...args], {
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
    resident: () => Number(/^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) * 1024,
    stop: () => stopServer(child),
  };
}
