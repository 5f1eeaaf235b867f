// What the walking thread hands over is what the walk has met.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findSources, walk } from '../../../src/client/push/walk.js';
import { decodeBatch, encodeBatch } from '../../../src/client/push/walk-messages.js';
import { makeTempDir, removeTempDirs } from '../../helpers/programs.js';

afterAll(removeTempDirs);

test('files, folders, symlinks, odd names and what is left out, in order', () => {
  const folder = makeTempDir();
  mkdirSync(join(folder, 'below', 'empty'), { recursive: true });
  writeFileSync(join(folder, 'below', 'file'), 'content');
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/no UTF-8 `), Buffer.from([0xff, 0xfe])]), '');
  symlinkSync('nowhere', join(folder, 'link'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const items = [...walk(findSources(['.'], folder))];
  expect(items.map(({ kind }) => kind)).toContain('special');
  expect(items.length).toBeGreaterThan(6);
  expect(decodeBatch(structuredClone(encodeBatch(items)))).toEqual(items);
});

test('a batch without entries, and none at all', () => {
  const problem = { kind: 'problem', source: 'a', message: 'permission denied' } as const;
  expect(decodeBatch(encodeBatch([problem]))).toEqual([problem]);
  expect(decodeBatch(encodeBatch([]))).toEqual([]);
});
