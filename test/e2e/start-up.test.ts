// How much a command loads before it works (docs/decisions/0018-what-a-start-loads.md): counted in files, because times tell of the machine.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Daemon, type Machine, machineOf, makeTempDir, removeTempDirs } from '../helpers/programs.js';

let daemon: Daemon;
let machine: Machine;
let counter: string;
let list: string;

beforeAll(async () => {
  daemon = await Daemon.start();
  machine = await machineOf(daemon, 'starter', 'register');
  const folder = makeTempDir();
  list = join(folder, 'loaded');
  counter = join(folder, 'counter.mjs');
  const hook = `import { appendFileSync } from 'node:fs';
  export function load(url, context, next) {
    if (url.startsWith('file:')) appendFileSync(${JSON.stringify(list)}, url + '\\n');
    return next(url, context);
  }`;
  // What CommonJS requires in turn does not always pass by the hook.
  writeFileSync(
    counter,
    `import { appendFileSync } from 'node:fs';
    import { createRequire, register } from 'node:module';
    import { pathToFileURL } from 'node:url';
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});
    const { cache } = createRequire(import.meta.url);
    process.on('exit', () => {
      for (const path of Object.keys(cache)) appendFileSync(${JSON.stringify(list)}, pathToFileURL(path).href + '\\n');
    });`,
  );
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

/** Files of the program and its packages that one command loads, threads not counted. */
async function filesLoaded(args: readonly string[]): Promise<string[]> {
  writeFileSync(list, '');
  const outcome = await machine.run(args, { env: { NODE_OPTIONS: `--import ${counter}` } });
  expect(outcome.exit, outcome.stderr).toBe(0);
  return [...new Set(readFileSync(list, 'utf8').trim().split('\n'))].map((url) =>
    url.replace(/.*\/node_modules\//, ''),
  );
}

const packagesOf = (files: readonly string[]) =>
  new Set(files.filter((file) => !file.startsWith('file:')).map((file) => /^(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]));

/** Packages of which the build has made one file. */
const bundlesOf = (files: readonly string[]) =>
  files.flatMap((file) => /dist\/(.*\/packages\/.*)/.exec(file)?.[1] ?? []).sort();

const versionOf = (folder: string) =>
  (
    JSON.parse(readFileSync(new URL(`../../${folder}/package.json`, import.meta.url), 'utf8')) as {
      version: string;
    }
  ).version;

test('--version by itself loads nothing, and says what it says beside other words', async () => {
  const files = await filesLoaded(['--version']);
  expect(
    files.filter((file) => file.startsWith('file:')).map((file) => file.replace(/.*\/(?=(?:dist|bin)\/)/, '')),
  ).toEqual(expect.arrayContaining(['bin/jaycloud.js', 'dist/cli/main.js', 'dist/cli/version.js']));
  expect(packagesOf(files)).toEqual(new Set());
  expect(bundlesOf(files)).toEqual([]);
  expect(files.length).toBeLessThan(6);
  const outcomes = [];
  for (const words of [['--version'], ['--version', '--json'], ['--json', '--version'], ['ls', '--version']]) {
    outcomes.push(await machine.run(words));
  }
  for (const outcome of outcomes) expect(outcome).toEqual({ exit: 0, stdout: `${versionOf('.')}\n`, stderr: '' });
});

test('--help loads the command lines and nothing of what they do', async () => {
  for (const words of [['--help'], ['push', '--help'], ['help', 'token']]) {
    const files = await filesLoaded(words);
    expect(packagesOf(files), words.join(' ')).toEqual(new Set());
    expect(bundlesOf(files), words.join(' ')).toEqual(['cli/packages/commander.js']);
    expect(files.length, words.join(' ')).toBeLessThan(18);
  }
});

test('ls loads what reads a log, and nothing that stores or asks for passwords', async () => {
  const files = await filesLoaded(['ls']);
  const packages = packagesOf(files);
  for (const name of ['@serenity-kit/opaque', 'read', 'scrypt-js', 'koffi', 'ora', 'ignore', 'keytar']) {
    expect(packages, name).not.toContain(name);
  }
  expect(files.some((file) => file.endsWith('/cli/commands/ls.js'))).toBe(true);
  expect(files.filter((file) => /\/cli\/commands\/|\/push\//.test(file))).toHaveLength(1);
  expect(files.filter((file) => /\/(?:keychain|session-bus|manifest-[a-z]+)[.]js$/.test(file))).toEqual([]);
  expect(bundlesOf(files)).toEqual([
    'cli/packages/chalk.js',
    'cli/packages/commander.js',
    'client/packages/undici.js',
    'protocol/packages/cborg.js',
    'protocol/packages/zod.js',
  ]);
  expect(packages).toContain('env-paths');
  // Everything else that is left is one of the two forms of zstd.
  expect(packages.size).toBeLessThan(4);
  expect(files.length).toBeLessThan(85);
});

test('push loads no other command and no form of a password', async () => {
  const tree = makeTempDir();
  writeFileSync(join(tree, 'file'), 'content');
  const files = await filesLoaded(['push', tree, '--name', 'tree']);
  const packages = packagesOf(files);
  for (const name of ['@serenity-kit/opaque', 'read', 'scrypt-js', 'koffi', 'ora', 'keytar']) {
    expect(packages, name).not.toContain(name);
  }
  expect(files.filter((file) => file.includes('/cli/commands/'))).toHaveLength(1);
  for (const name of ['zod', 'cborg', '@hpke/core', '@hpke/common', 'undici', 'commander', 'chalk', 'ignore']) {
    expect(packages, name).not.toContain(name);
  }
  expect(files.length).toBeLessThan(136);
});

test('what reads a few answers is not optimized: nothing would be left to gain, and the end waits for it', async () => {
  const tracer = join(makeTempDir(), 'tracer.mjs');
  writeFileSync(
    tracer,
    `import { setFlagsFromString } from 'node:v8';
    setFlagsFromString('--trace-wasm-compilation-times');`,
  );
  const outcome = await machine.run(['ls'], { env: { NODE_OPTIONS: `--import ${tracer}` } });
  expect(outcome.exit, outcome.stderr).toBe(0);
  // The parser of answers (decision 0017).
  expect(outcome.stdout).toContain('using Liftoff');
  expect(outcome.stdout).not.toContain('using TurboFan');
});

test('what is copied from packages keeps its licence, and none of it comes from the whole of a package', () => {
  const dist = new URL('../../dist/', import.meta.url);
  const licences = readFileSync(new URL('third-party-licenses.txt', dist), 'utf8');
  for (const name of ['@hpke/common', '@hpke/core', 'cborg', 'chalk', 'commander', 'ignore', 'undici', 'zod']) {
    expect(licences, name).toContain(`${name} ${versionOf(`node_modules/${name}`)} (`);
  }
  // 449 kB with its languages and JSON Schema.
  expect(readFileSync(new URL('protocol/packages/zod.js', dist)).length).toBeLessThan(90_000);
});
