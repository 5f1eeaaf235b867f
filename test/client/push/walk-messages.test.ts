// What the walking thread hands over is what the walk has met.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findSources, type WalkItem, walk } from '../../../src/client/push/walk.js';
import { encodeBatch, WalkedRows } from '../../../src/client/push/walk-messages.js';
import { makeTempDir, removeTempDirs } from '../../helpers/programs.js';

afterAll(removeTempDirs);

function handedOver(items: readonly WalkItem[]): { entries: WalkItem[]; problems: readonly WalkItem[] } {
  const rows = new WalkedRows(structuredClone(encodeBatch(items)));
  return { entries: [...rows.places()].map((place) => rows.entryAt(place)), problems: rows.problems };
}

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
  const { entries, problems } = handedOver(items);
  expect(entries).toEqual(items.filter(({ kind }) => kind === 'entry'));
  expect(problems).toEqual(items.filter(({ kind }) => kind !== 'entry'));
});

test('a batch without entries, and none at all', () => {
  const problem = { kind: 'problem', source: 'a', message: 'permission denied' } as const;
  expect(handedOver([problem])).toEqual({ entries: [], problems: [problem] });
  expect(handedOver([])).toEqual({ entries: [], problems: [] });
});
