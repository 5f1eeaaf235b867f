// jaycloud and jaycloudd, as built from this checkout.
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { hasNativeZstd, root } from '../../scripts/setup.js';
import { loopback, stopServer } from './servers.js';

const daemonProgram = join(root, 'bin', 'jaycloudd.js');
const clientProgram = join(root, 'bin', 'jaycloud.js');

/** A client with folders of its own, registered as `account`. */
function createClient({ folder, url, data, account, measure, serverPid, place }) {
  const env = {
    JAYCLOUD_SERVER: url,
    JAYCLOUD_CONFIG_DIR: join(folder, `config-${account}`),
    JAYCLOUD_CACHE_DIR: join(folder, `cache-${account}`),
    JAYCLOUD_CREDENTIAL_STORE: 'file',
    JAYCLOUD_PASSWORD: 'bench password',
  };
  const globals = ['--quiet', ...place.clientArgs];
  const client = (...args) => measure(process.execPath, [clientProgram, ...globals, ...args], { env, serverPid });
  // A user of one's own daemon is an invited one: newcomers pay more, and no peer has newcomers.
  const inviting = spawnSync(process.execPath, [daemonProgram, 'user', 'invite', '--data', data], { encoding: 'utf8' });
  env.JAYCLOUD_INVITE = inviting.stdout.trim();
  client('register', account);
  delete env.JAYCLOUD_INVITE;
  return client;
}

export const jaycloud = {
  name: 'jaycloud',
  needs: [],
  keeps: 'stores on a daemon of its own, over HTTP; encrypts, deduplicates, compresses',
  kinds: ['cold', 'second', 'unchanged', 'next', 'pull', 'version', 'list'],
  version: () => `Node ${process.version}, ${hasNativeZstd() ? 'native zstd' : 'zstd as WebAssembly'}`,
  async start(folder, measure, place = loopback) {
    const data = join(folder, 'data');
    const args = [daemonProgram, 'serve', '--data', data, '--listen', `${place.address}:0`, ...place.daemonArgs];
    const child = spawn(...place.inside(process.execPath, ...args), { stdio: ['ignore', 'pipe', place.daemonLog] });
    const line = await new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve);
      child.once('close', (exit) => reject(new Error(`jaycloudd ended with ${exit}`)));
    });
    const shared = { folder, url: JSON.parse(line).url, data, measure, serverPid: child.pid, place };
    const client = createClient({ ...shared, account: 'first' });
    const push = (by, tree) => by('push', tree, '--name', 'bench');
    return {
      data,
      serverPid: child.pid,
      push: (tree) => push(client, tree),
      prepareSecond: () => createClient({ ...shared, account: 'second' }),
      second: (tree, second) => push(second, tree),
      pull: (out) => client('pull', 'bench', out),
      version: () => measure(process.execPath, [clientProgram, '--version']),
      list: () => client('ls'),
      entries: () => client('ls', 'bench'),
      stop: () => stopServer(child),
    };
  },
};
