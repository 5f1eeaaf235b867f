// Makes a fresh checkout ready: installs what package-lock.json names and builds what is out of date.
// Plain JavaScript on Node's own modules, because it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Node's own headers, where they lie beside it: the SQLite driver is then built without a download. */
function headersBesideNode() {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  return existsSync(join(prefix, 'include', 'node', 'node.h')) ? { npm_package_config_node_gyp_nodedir: prefix } : {};
}

/** Runs a command in the checkout; its output goes to stderr, so that stdout stays the program's own. */
export function run(command, args, options = {}) {
  const env = { ...headersBesideNode(), ...process.env };
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], env, ...options });
  if (result.error !== undefined) throw result.error;
  return result.status ?? 1;
}

function must(command, args, what) {
  const status = run(command, args);
  if (status !== 0) {
    console.error(`jaycloud: error: ${what} failed`);
    process.exit(status);
  }
}

function newest(path) {
  const status = statSync(path);
  if (!status.isDirectory()) return status.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

const npm = (...args) =>
  process.env.npm_execpath === undefined ? ['npm', args] : [process.execPath, [process.env.npm_execpath, ...args]];

function install() {
  const stamp = join(root, 'node_modules', '.jaycloud-installed');
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.error('jaycloud: installing packages (once)');
  const [command, args] = npm('ci', '--no-audit', '--no-fund');
  must(command, args, 'npm ci');
  writeFileSync(stamp, lock);
  if (!hasNativeZstd()) {
    console.error('jaycloud: native zstd could not be fetched or built here (python3, make and a C++ compiler can);');
    console.error('jaycloud: everything works without it, and compression takes about three times the time');
  }
}

/** Whether this Node runs `script` in the checkout: a native package that does not fit may take the whole process with it. */
function runs(script) {
  return spawnSync(process.execPath, ['-e', script], { cwd: root, stdio: 'ignore' }).status === 0;
}

/** Whether the optional zstd-napi could be installed; WebAssembly stands in for it. */
export const hasNativeZstd = () => runs("require('zstd-napi/binding')");

/** The SQLite binding is built for one major version of Node; another one needs it built again. */
function fitDriver() {
  // Said once for each Node: a client of a daemon elsewhere never needs it.
  const missing = join(root, 'node_modules', `.jaycloud-no-driver-${process.versions.modules}`);
  if (existsSync(missing)) return;
  const works = () => runs("new (require('better-sqlite3'))(':memory:').close()");
  if (works()) return;
  if (existsSync(join(root, 'node_modules', 'better-sqlite3'))) {
    console.error('jaycloud: building the SQLite driver for this Node');
    const [command, args] = npm('rebuild', 'better-sqlite3');
    run(command, args);
  }
  if (!works()) {
    console.error('jaycloud: the SQLite driver could not be built here (it wants python3, make and a C++ compiler);');
    console.error('jaycloud: daemons elsewhere can be used, local vaults and jaycloudd cannot');
    writeFileSync(missing, '');
  }
}

function build() {
  const sources = [
    'src',
    'scripts/bundle-packages.js',
    'tsconfig.json',
    'tsconfig.build.json',
    'package-lock.json',
  ].map((name) => newest(join(root, name)));
  const stamp = join(root, 'dist', '.built');
  if (existsSync(stamp) && statSync(stamp).mtimeMs > Math.max(...sources)) return;
  must(process.execPath, [join('scripts', 'build.js')], 'the build');
}

export function setup() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`jaycloud: error: Node 20.19 or later is needed, this is ${process.versions.node}`);
    process.exit(1);
  }
  install();
  fitDriver();
  build();
}
