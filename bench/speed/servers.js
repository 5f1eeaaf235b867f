// Servers of peers: started on a free port, waited for, stopped.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../flood/programs.js';

/** Whether something listens there by now. */
function isListening(address) {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** `rclone serve KIND` of a folder. */
export async function serveWithRclone(kind, data, args = []) {
  mkdirSync(data, { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  // Keys that it makes for its own host lie beside the repository.
  const env = { ...process.env, XDG_CACHE_HOME: join(data, '..', 'server-cache') };
  const child = spawn('rclone', ['serve', kind, '--addr', address, ...args, data], { stdio: 'ignore', env });
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (await isListening(address)) return { address, child };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`rclone serve ${kind} does not answer`);
}

export function stopServer(child) {
  return new Promise((resolve) => {
    child.removeAllListeners('close');
    child.once('close', resolve);
    child.kill('SIGTERM');
  });
}
