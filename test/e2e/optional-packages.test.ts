// Packages that an installation may lack (package.json, "optionalDependencies"): all works without them, and is shared.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  clientProgram,
  Daemon,
  daemonProgram,
  jsonLines,
  type Machine,
  machineOf,
  makeTempDir,
  removeTempDirs,
  runProgram,
} from '../helpers/programs.js';

const absent = ['zstd-napi', 'koffi', 'better-sqlite3', 'keytar'];

let daemon: Daemon;
let tree: string;
let hider: string;
let hidden: string;

beforeAll(async () => {
  daemon = await Daemon.start();
  tree = makeTempDir();
  mkdirSync(join(tree, 'sub'));
  for (let index = 0; index < 200; index += 1) {
    writeFileSync(
      join(tree, 'sub', `${String(index)}.txt`),
      `file ${String(index)} says again `.repeat(40 + 9 * index),
    );
  }
  writeFileSync(join(tree, 'long'), Buffer.alloc(9_000_000, 'a long file of text '));
  const folder = makeTempDir();
  hidden = join(folder, 'hidden');
  hider = join(folder, 'hide.cjs');
  writeFileSync(
    hider,
    `const Module = require('node:module');
    const { appendFileSync } = require('node:fs');
    const find = Module._resolveFilename;
    Module._resolveFilename = (request, ...rest) => {
      const name = ${JSON.stringify(absent)}.find((it) => request === it || request.startsWith(it + '/'));
      if (name === undefined) return find.call(Module, request, ...rest);
      appendFileSync(${JSON.stringify(hidden)}, name + '\\n');
      throw Object.assign(new Error('Cannot find module ' + request), { code: 'MODULE_NOT_FOUND' });
    };`,
  );
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

async function without(machine: Machine, args: readonly string[]): Promise<Record<string, unknown>> {
  return machine.summary(args, 0, { env: { NODE_OPTIONS: `--require ${hider}` } });
}

test('without them a tree comes back byte for byte, and is shared with those who have them', async () => {
  const poor = await machineOf(daemon, 'poor', 'register');
  const pushed = await without(poor, ['push', tree, '--name', 'tree']);
  const out = join(poor.home, 'out');
  await without(poor, ['pull', 'tree', out]);
  execFileSync('diff', ['-r', tree, out]);
  // Otherwise this test would be about nothing.
  expect(new Set(readFileSync(hidden, 'utf8').trim().split('\n'))).toEqual(new Set(['zstd-napi', 'koffi']));

  const rich = await machineOf(daemon, 'rich', 'register');
  const shared = await rich.summary(['push', tree, '--name', 'tree']);
  // Its own manifest, and nothing else.
  expect(shared).toMatchObject({ newBlobs: 1, files: pushed['files'] });
  const back = join(rich.home, 'out');
  await rich.summary(['pull', 'tree', back]);
  execFileSync('diff', ['-r', tree, back]);
});

test('doctor names each of them, with what its absence costs', async () => {
  const machine = await machineOf(daemon, 'checked', 'register');
  const outcome = await machine.run(['doctor', '--json'], { env: { NODE_OPTIONS: `--require ${hider}` } });
  expect(outcome.exit).toBe(0);
  const said = new Map(
    jsonLines(outcome).map(({ check, state, message }) => [check, `${String(state)} ${String(message)}`]),
  );
  expect(said.get('zstd-napi')).toMatch(/^note .*WebAssembly/);
  expect(said.get('koffi')).toMatch(/^note .*holes/);
  expect(said.get('keytar')).toMatch(/^note .*not installed/);
});

/** Neither kept by a test machine's own choice nor by a bus of this machine. */
const noChoice = { JAYCLOUD_CREDENTIAL_STORE: '' };

test('without the keychain package credentials go to a file, and one line says so', async () => {
  const hasBus = spawnSync('which', ['dbus-run-session', 'gnome-keyring-daemon']).status === 0;
  if (!hasBus && process.env['CI'] === undefined) return;
  const machine = await machineOf(daemon, 'keyless', 'register');
  const keyring = 'printf x | gnome-keyring-daemon --unlock --components=secrets >/dev/null; sleep 1; exec "$@"';
  const launcher = ['dbus-run-session', '--', 'sh', '-c', keyring, 'sh'];
  const env = { ...machine.env, ...noChoice, XDG_RUNTIME_DIR: machine.home, DBUS_SESSION_BUS_ADDRESS: '' };
  const hiding = { ...env, NODE_OPTIONS: `--require ${hider}` };
  writeFileSync(join(machine.env['JAYCLOUD_CONFIG_DIR'] ?? '', 'config.json'), '{"version":1,"profiles":{}}');
  const kept = await runProgram(clientProgram, ['login', 'keyless'], { env: hiding, launcher });
  expect(kept.exit, kept.stderr).toBe(0);
  expect(kept.stderr).toContain(
    'the keychain cannot be used: the package keytar is not installed; keeping the credential',
  );
  const insisting = { ...hiding, JAYCLOUD_CREDENTIAL_STORE: 'keychain' };
  expect((await runProgram(clientProgram, ['login', 'keyless'], { env: insisting, launcher })).exit).toBe(1);
  // The library of the system, hidden in a namespace of its own.
  const hide = `lib=$(ldconfig -p | grep -o '/.*libsecret-1.so.0$' | head -1); mount --bind /dev/null "$lib"; ${keyring}`;
  const namespace = ['unshare', '--mount', 'dbus-run-session', '--', 'sh', '-c', hide, 'sh'];
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0) return;
  const bare = await runProgram(clientProgram, ['login', 'keyless'], { env, launcher: namespace });
  expect(bare.stderr).toContain('the keychain cannot be used: the library libsecret is not installed');
  expect((await machine.run(['whoami'])).stdout).toContain('keyless on http');
});

test('without the driver of its database the daemon says what is missing, and so does a local vault', async () => {
  const folder = makeTempDir();
  const loader = `export function resolve(name, context, next) {
    if (name === 'better-sqlite3') throw Object.assign(new Error('no ' + name), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(name, context);
  }`;
  const driverless = join(folder, 'driverless.mjs');
  const url = JSON.stringify(`data:text/javascript,${encodeURIComponent(loader)}`);
  writeFileSync(driverless, `import { register } from 'node:module';\nregister(${url});`);
  const env = { ...process.env, HOME: folder, NODE_OPTIONS: `--import ${driverless}` };
  const said =
    /^(\w+): error: (local vaults need SQLite: )?the package better-sqlite3 is not installed or not built for this Node\n\1: hint: install JayCloud again/;
  const served = await runProgram(daemonProgram, ['serve', '--data', join(folder, 'data')], { env });
  expect(served.stderr).toMatch(said);
  expect(served.stderr.split('\n').length).toBe(3);
  expect(served.exit).toBe(1);
  const pushed = await runProgram(clientProgram, ['push', tree], { env: { ...env, JAYCLOUD_SERVER: '' } });
  expect(pushed.stderr).toMatch(said);
  expect(pushed.exit).toBe(1);
});
