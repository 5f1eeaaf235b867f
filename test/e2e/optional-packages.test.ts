// Packages that an installation may lack (package.json, "optionalDependencies"): all works without them, and is shared.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Daemon, type Machine, machineOf, makeTempDir, removeTempDirs } from '../helpers/programs.js';

const absent = ['zstd-napi', 'koffi', 'better-sqlite3'];

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
