// What a pull does where something is there already (docs/cli.md, "pull").
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { jsonLines, Machine, makeTempDir, removeTempDirs } from '../helpers/programs.js';

let machine: Machine;
let out: string;

beforeAll(async () => {
  machine = new Machine();
  const tree = makeTempDir();
  mkdirSync(join(tree, 'sub'));
  writeFileSync(join(tree, 'small'), 'stored');
  writeFileSync(join(tree, 'sub/other'), 'stored too');
  writeFileSync(join(tree, 'long'), Buffer.alloc(20_000_000, 'long '));
  await machine.summary(['push', tree, '--name', 'tree']);
});

beforeEach(() => {
  out = makeTempDir();
});

afterAll(removeTempDirs);

const read = (name: string) => readFileSync(join(out, name), 'utf8');

describe('a pull over files that are there', () => {
  test.each(['small', 'long'])('keeps %s, says so, restores the rest and ends with 3', async (name) => {
    writeFileSync(join(out, name), 'mine');
    const outcome = await machine.run(['pull', 'tree', out, '--json']);
    expect(outcome.exit).toBe(3);
    const problems = jsonLines(outcome).filter(({ type }) => type === 'problem');
    expect(problems).toEqual([
      { type: 'problem', kind: 'exists', path: name, message: 'something of this name is there already' },
    ]);
    expect(read(name)).toBe('mine');
    expect(read('sub/other')).toBe('stored too');
    // No temporary file is left behind.
    expect(readdirSync(out).sort()).toEqual(['long', 'small', 'sub']);
  });

  test('keeps a dangling symlink and writes nothing through it', async () => {
    const elsewhere = join(makeTempDir(), 'target');
    symlinkSync(elsewhere, join(out, 'small'));
    const outcome = await machine.run(['pull', 'tree', out]);
    expect(outcome.exit).toBe(3);
    expect(lstatSync(join(out, 'small')).isSymbolicLink()).toBe(true);
    expect(() => lstatSync(elsewhere)).toThrow('ENOENT');
  });

  test('replaces them with --overwrite always', async () => {
    writeFileSync(join(out, 'small'), 'mine');
    writeFileSync(join(out, 'long'), 'mine');
    await machine.summary(['pull', 'tree', out, '--overwrite', 'always']);
    expect(read('small')).toBe('stored');
    expect(read('long')).toHaveLength(20_000_000);
  });

  test('replaces what differs with --overwrite if-changed, and leaves the same alone', async () => {
    await machine.summary(['pull', 'tree', out]);
    const before = lstatSync(join(out, 'small')).ino;
    writeFileSync(join(out, 'sub/other'), 'changed');
    utimesSync(join(out, 'long'), 1, 1);
    await machine.summary(['pull', 'tree', out, '--overwrite', 'if-changed']);
    expect(lstatSync(join(out, 'small')).ino).toBe(before);
    expect(read('sub/other')).toBe('stored too');
    expect(lstatSync(join(out, 'long')).mtimeMs).not.toBe(1000);
  });

  test('never replaces a folder by a file', async () => {
    mkdirSync(join(out, 'small'));
    const outcome = await machine.run(['pull', 'tree', out, '--overwrite', 'always']);
    expect(outcome.exit).toBe(3);
    expect(lstatSync(join(out, 'small')).isDirectory()).toBe(true);
  });
});
