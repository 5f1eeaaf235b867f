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

/**
 * Where servers run: at which address, and how a command is put to run there. Elsewhere than here, programs may have to be
 * told to travel in the clear.
 */
export const loopback = {
  address: '127.0.0.1',
  inside: (command, ...args) => [command, args],
  clientArgs: [],
  daemonArgs: [],
  daemonLog: 'ignore',
};

/** `rclone serve KIND` of a folder. */
export async function serveWithRclone(kind, data, args = [], place = loopback) {
  mkdirSync(data, { recursive: true });
  const address = `${place.address}:${await freePort()}`;
  // Keys that it makes for its own host lie beside the repository.
  const env = { ...process.env, XDG_CACHE_HOME: join(data, '..', 'server-cache') };
  const [command, rest] = place.inside('rclone', 'serve', kind, '--addr', address, ...args, data);
  const child = spawn(command, rest, { stdio: 'ignore', env });
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
