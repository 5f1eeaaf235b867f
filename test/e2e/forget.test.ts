// forget: the same verdicts in a dry run and in a real one, and nothing without a rule.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  Daemon,
  jsonLines,
  lastJson,
  type Machine,
  machineOf,
  makeTempDir,
  removeTempDirs,
} from '../helpers/programs.js';

let daemon: Daemon;
let machine: Machine;

beforeAll(async () => {
  daemon = await Daemon.start();
  machine = await machineOf(daemon, 'forgetful', 'register');
  const tree = makeTempDir();
  for (const name of ['one', 'one', 'one', 'two', 'two']) {
    writeFileSync(join(tree, 'file'), `content of ${name} at ${String(performance.now())}`);
    await machine.summary(['push', tree, '--name', name]);
  }
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

async function namesLeft(): Promise<string[]> {
  const lines = jsonLines(await machine.run(['log', '--json'])).filter(({ type }) => type === 'snapshot');
  return lines.map(({ name, version }) => `${String(name)}@${String(version)}`).toSorted();
}

test.each([
  [[]],
  [['one']],
  [['--keep-last', '1']],
  [['one', '--all', '--keep-last', '1']],
  [['one', '--keep-last', '0']],
  [['one', '--keep-last', '-1']],
  [['one', '--keep-daily', 'x']],
  [['one', '--keep-within', '30']],
  [['one', '--keep-within', '0d']],
  [['--all']],
])('forget %j is a usage error and deletes nothing', async (args) => {
  const outcome = await machine.run(['forget', ...args, '--json']);
  expect(outcome.exit).toBe(2);
  expect(lastJson(outcome)).toMatchObject({ type: 'error', code: 'usage' });
  expect(await namesLeft()).toHaveLength(5);
});

test('a name that does not exist ends with 10', async () => {
  const outcome = await machine.run(['forget', 'three', '--keep-last', '1', '--json']);
  expect(outcome.exit).toBe(10);
});

test('a dry run shows what a real run then does, and a second run has nothing left to do', async () => {
  const args = ['forget', 'one', '--keep-last', '1', '--json'];
  const dry = jsonLines(await machine.run([...args, '--dry-run']));
  expect(dry.at(-1)).toEqual({ type: 'summary', kept: 1, deleted: 2, dryRun: true });
  expect(await namesLeft()).toHaveLength(5);
  const real = jsonLines(await machine.run(args));
  expect(real.slice(0, -1)).toEqual(dry.slice(0, -1));
  expect(real.at(-1)).toEqual({ type: 'summary', kept: 1, deleted: 2, dryRun: false });
  expect(real.slice(0, -1)).toMatchObject([
    { type: 'snapshot', name: 'one', version: 1, kept: false, reasons: [] },
    { version: 2, kept: false },
    { version: 3, kept: true, reasons: ['last'] },
  ]);
  expect(await namesLeft()).toEqual(['one@3', 'two@1', 'two@2']);
  expect(await machine.summary(args.slice(0, -1))).toMatchObject({ kept: 1, deleted: 0 });
});

test('--all decides each name by itself, in words that people read', async () => {
  const outcome = await machine.run(['forget', '--all', '--keep-within', '1h', '--keep-yearly', '1']);
  expect(outcome).toMatchObject({ exit: 0, stderr: '' });
  expect(outcome.stdout).toMatch(/keep {4}[0-9a-f]{12} {2}.* {2}one@3 {2}within, yearly\n/);
  expect(outcome.stdout).toMatch(/deleted 0 snapshots, kept 3\n$/);
  expect(await machine.summary(['forget', '--all', '--keep-last', '1'])).toMatchObject({ kept: 2, deleted: 1 });
  expect(await namesLeft()).toEqual(['one@3', 'two@2']);
});
