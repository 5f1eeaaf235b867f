// The programs that jaycloud is measured beside. Each takes part in the steps whose kind it lists.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { serveWithRclone, stopServer } from './servers.js';

const secret = 'bench password';
const firstLine = (command, ...args) => {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return (stdout || stderr || '').split('\n')[0].replaceAll('*', '').trim();
};

export const restic = {
  name: 'restic',
  needs: ['restic', 'rclone'],
  keeps:
    'stores over HTTP on `rclone serve restic`, repository version 2, `--compression auto`; encrypts, deduplicates, compresses. Its server does not sync to the disk',
  kinds: ['cold', 'second', 'unchanged', 'next', 'pull', 'version', 'list'],
  version: () => firstLine('restic', 'version'),
  async start(folder, measure, place) {
    const data = join(folder, 'data');
    const { address, child } = await serveWithRclone('restic', data, [], place);
    const createClient = (cache) => {
      const env = {
        RESTIC_REPOSITORY: `rest:http://${address}/`,
        RESTIC_PASSWORD: secret,
        RESTIC_CACHE_DIR: join(folder, cache),
      };
      return (...args) => measure('restic', ['--quiet', ...args], { env, serverPid: child.pid });
    };
    const client = createClient('cache');
    client('init', '--repository-version', '2');
    const push = (tree) => client('backup', '--compression', 'auto', tree);
    return {
      data,
      serverPid: child.pid,
      push,
      prepareSecond: () => createClient('cache-second'),
      second: (tree, second) => second('backup', '--compression', 'auto', '--host', 'second', '--force', tree),
      pull: (out) => client('restore', 'latest', '--target', out),
      version: () => measure('restic', ['version']),
      list: () => client('snapshots'),
      entries: () => client('ls', 'latest'),
      stop: () => stopServer(child),
    };
  },
};

const borg = {
  name: 'borg',
  needs: ['borg'],
  keeps:
    'stores in a local repository, `repokey-blake2`, `--compression zstd,3`; encrypts, deduplicates, compresses. It has no server over HTTP, so nothing travels',
  kinds: ['cold', 'second', 'unchanged', 'next', 'pull', 'version', 'list'],
  version: () => firstLine('borg', '--version'),
  async start(folder, measure) {
    const data = join(folder, 'data');
    const createClient = (base) => {
      const env = { BORG_PASSPHRASE: secret, BORG_BASE_DIR: join(folder, base) };
      mkdirSync(env.BORG_BASE_DIR);
      return (args, cwd) => measure('borg', args, { env, cwd });
    };
    const client = createClient('base');
    client(['init', '--encryption', 'repokey-blake2', data]);
    let pushes = 0;
    const push = (tree, own = client) => {
      pushes += 1;
      return own(['create', '--sparse', '--compression', 'zstd,3', `${data}::push-${pushes}`, tree]);
    };
    return {
      data,
      push,
      prepareSecond: () => createClient('base-second'),
      second: push,
      pull: (out) => {
        mkdirSync(out);
        return client(['extract', `${data}::push-${pushes}`], out);
      },
      version: () => measure('borg', ['--version']),
      list: () => client(['list', data]),
      stop: () => {},
    };
  },
};

const rclone = {
  name: 'rclone crypt',
  needs: ['rclone'],
  keeps:
    '`rclone sync` to a crypt remote on `rclone serve sftp`; encrypts. It keeps one state, every file as a file, and neither deduplicates nor compresses. SFTP encrypts what travels once more; over WebDAV, which does not, every file would take 40 ms and times would be lost',
  kinds: ['cold', 'unchanged', 'next', 'pull'],
  version: () => firstLine('rclone', 'version'),
  async start(folder, measure) {
    const data = join(folder, 'data');
    const password = firstLine('rclone', 'obscure', secret);
    const { address, child } = await serveWithRclone('sftp', data, ['--user', 'bench', '--pass', secret]);
    const env = {
      RCLONE_CONFIG: join(folder, 'rclone.conf'),
      RCLONE_CONFIG_SERVER_TYPE: 'sftp',
      RCLONE_CONFIG_SERVER_HOST: address.split(':')[0],
      RCLONE_CONFIG_SERVER_PORT: address.split(':')[1],
      RCLONE_CONFIG_SERVER_USER: 'bench',
      RCLONE_CONFIG_SERVER_PASS: password,
      RCLONE_CONFIG_VAULT_TYPE: 'crypt',
      RCLONE_CONFIG_VAULT_REMOTE: 'server:',
      RCLONE_CONFIG_VAULT_PASSWORD: password,
    };
    const client = (...args) =>
      measure('rclone', ['sync', '--quiet', '--links', ...args], { env, serverPid: child.pid });
    const push = (tree) => client(tree, 'vault:');
    return {
      data,
      serverPid: child.pid,
      push,
      pull: (out) => client('vault:', out),
      stop: () => stopServer(child),
    };
  },
};

const casync = {
  name: 'casync',
  needs: ['casync'],
  keeps:
    '`casync make` to a local store of chunks; deduplicates and compresses. It does not encrypt, nothing travels, and it reads every file in every push',
  kinds: ['cold', 'unchanged', 'next', 'pull'],
  version: () => firstLine('casync', '--version'),
  async start(folder, measure) {
    const data = join(folder, 'data');
    mkdirSync(data);
    const store = ['--store', join(data, 'store.castr')];
    const index = join(data, 'tree.caidx');
    const push = (tree) => measure('casync', ['make', '--with=unix', ...store, index, tree]);
    return {
      data,
      push,
      pull: (out) => measure('casync', ['extract', '--with=unix', ...store, index, out]),
      stop: () => {},
    };
  },
};

const archive = {
  name: 'tar+zstd+age',
  needs: ['tar', 'zstd', 'age'],
  keeps:
    '`tar --sparse`, `zstd -3 -T0` and `age` in a pipeline to one local file; compresses and encrypts. Every push is a whole one, so it takes part in cold pushes and in pulls alone',
  kinds: ['cold', 'pull'],
  version: () =>
    `${firstLine('tar', '--version')}, ${firstLine('zstd', '--version')}, age ${firstLine('age', '--version')}`,
  async start(folder, measure) {
    const data = join(folder, 'data');
    mkdirSync(data);
    const key = join(folder, 'key');
    spawnSync('age-keygen', ['-o', key], { stdio: 'ignore' });
    const recipient = /public key: (\S+)/.exec(readFileSync(key, 'utf8'))[1];
    const file = join(data, 'tree.tar.zst.age');
    const pipeline = (script, ...args) => measure('bash', ['-c', `set -o pipefail; ${script}`, 'bash', ...args]);
    return {
      data,
      push: (tree) =>
        pipeline(
          'tar --sparse -C "$1" -cf - "$2" | zstd -q -3 -T0 | age -r "$3" -o "$4"',
          dirname(tree),
          basename(tree),
          recipient,
          file,
        ),
      pull: (out) => {
        mkdirSync(out);
        return pipeline('age -d -i "$1" "$2" | zstd -q -dc | tar -xf - -C "$3"', key, file, out);
      },
      stop: () => {},
    };
  },
};

/** No backup at all: what it costs to read the same bytes and hash them once. */
const openssl = {
  name: 'openssl',
  isYardstick: true,
  needs: ['openssl'],
  keeps: '`openssl dgst -sha256` of the same files; a yardstick that keeps nothing',
  kinds: ['cold', 'second'],
  version: () => firstLine('openssl', 'version'),
  async start(_folder, measure) {
    const digest = (tree) => {
      const files = readdirSync(tree).map((name) => join(tree, name));
      return measure('openssl', ['dgst', '-sha256', ...files]);
    };
    return { push: digest, second: digest, prepareSecond: () => undefined, stop: () => {} };
  },
};

export const peers = [restic, borg, rclone, casync, archive, openssl];
