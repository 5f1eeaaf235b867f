import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFolders } from '../../src/client/make-folders.js';
import { makeTempDir, removeTempDirs } from '../helpers/programs.js';

afterAll(removeTempDirs);

test('makes a folder and its parents, with their mode, and takes what is there', () => {
  const path = join(makeTempDir(), 'a', 'b', 'c');
  makeFolders(path, 0o700);
  makeFolders(path, 0o755);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
});

test('throws where a file is in the way', () => {
  const folder = makeTempDir();
  writeFileSync(join(folder, 'file'), '');
  expect(() => {
    makeFolders(join(folder, 'file'));
  }).toThrow('EEXIST');
  expect(() => {
    makeFolders(join(folder, 'file', 'below'));
  }).toThrow('ENOTDIR');
  mkdirSync(join(folder, 'folder'));
  makeFolders(join(folder, 'folder/'));
});

test.runIf(process.platform === 'linux')('ends where a system folder takes no others', () => {
  expect(() => {
    makeFolders('/proc/none/of/these');
  }).toThrow('ENOENT');
});
