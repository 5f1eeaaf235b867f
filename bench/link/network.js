// Two network namespaces and the link between them. The program that calls this is in the near one already; its clients are as
// well, and servers run in the far one.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/setup.js';
import { isThere } from '../speed/measure.js';
import { loadCalls } from './tun.js';

const near = { name: 'jc-near', address: '10.77.0.1' };
const far = { name: 'jc-far', address: '10.77.0.2' };
const forwarder = join(root, 'bench', 'link', 'forward.js');
/** Of Ethernet. */
const mtu = '1500';

export const farAddress = far.address;

const own = ['--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
const asRoot = ['--user', '--map-root-user', ...own];

function must(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr.trim()}`);
}

const works = (command, args) => spawnSync(command, args).status === 0;

/** What stands against an emulated link here; undefined where nothing does. */
export async function whyNoLink() {
  if (process.platform !== 'linux') return 'it takes network namespaces, which only Linux has';
  if (!existsSync('/dev/net/tun')) return 'the kernel has no /dev/net/tun';
  for (const program of ['ip', 'unshare', 'nsenter']) if (!isThere(program)) return `${program} is missing`;
  if ((await loadCalls()) === undefined) return 'the optional package koffi is missing';
  if (namespaceArgs() === undefined) return 'this user may not make network namespaces';
  return undefined;
}

/** Arguments of `unshare` before a command that gets a network of its own; undefined where that is not allowed. */
export function namespaceArgs() {
  return [own, asRoot].find((args) => works('unshare', [...args, 'true']));
}

/** The far namespace, held by a process that does nothing. */
export async function openFar() {
  const holder = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up && echo ready && exec sleep infinity'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([once(holder.stdout, 'data'), once(holder, 'close')]);
  if (holder.exitCode !== null) throw new Error('the far network could not be made');
  const args = [`--net=/proc/${holder.pid}/ns/net`];
  return {
    pid: holder.pid,
    /** A command and its arguments as they are run in the far namespace. */
    inside: (command, ...rest) => ['nsenter', [...args, '--', command, ...rest]],
    close: () => holder.kill('SIGKILL'),
  };
}

/** Gives an end its address, and its connections one congestion control, whatever this kernel prefers. */
function configure(run, { name, address }, peer, congestion) {
  run('ip', 'address', 'add', `${address}/32`, 'dev', name);
  run('ip', 'link', 'set', name, 'mtu', mtu, 'txqueuelen', '5000', 'up');
  run('ip', 'route', 'add', peer.address, 'dev', name, 'src', address, 'congctl', congestion);
  // What was learned of a link before says nothing about this one.
  run('ip', 'tcp_metrics', 'flush');
}

/** A link of {bitsPerSecond, rttMs, loss, seed, congestion} between here and the far namespace, until `close`. */
export async function openLink(space, link) {
  const settings = JSON.stringify({ ...link, near: near.name, far: far.name });
  const child = spawn(process.execPath, [forwarder, settings], { stdio: ['ignore', 'pipe', 'inherit'] });
  await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
  if (child.exitCode !== null) throw new Error('the link could not be made');
  must('ip', ['link', 'set', far.name, 'netns', String(space.pid)]);
  configure((command, ...args) => must(command, args), near, far, link.congestion);
  configure((...command) => must(...space.inside(...command)), far, near, link.congestion);
  return {
    async close() {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    },
  };
}
