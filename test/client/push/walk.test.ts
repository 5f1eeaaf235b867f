import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { findSources, walk } from '../../../src/client/push/walk.js';
import { compareBytes } from '../../../src/protocol/bytes.js';
import { makeTempDir, removeTempDirs } from '../../helpers/programs.js';

afterAll(removeTempDirs);

function pathsOf(paths: readonly string[], folder: string): string[] {
  return [...walk(findSources(paths, folder))].map((item) => (item.kind === 'entry' ? item.path : `! ${item.message}`));
}

describe('walk', () => {
  test('goes in byte order of whole paths, whatever the names', () => {
    // Around the slash (0x2f) lie the traps: "a-b" and "a.b" stand between "a" and "a/x".
    const name = fc.constantFrom('a', 'a-', 'a-b', 'a.b', 'a0', 'A', 'b', 'ab', '~', '!', 'é', 'z');
    fc.assert(
      fc.property(fc.uniqueArray(fc.array(name, { minLength: 1, maxLength: 3 }), { maxLength: 12 }), (paths) => {
        const folder = makeTempDir();
        for (const parts of paths) {
          mkdirSync(join(folder, ...parts), { recursive: true });
          writeFileSync(join(folder, ...parts, 'file'), '');
        }
        const walked = pathsOf(['.'], folder);
        rmSync(folder, { recursive: true });
        const sorted = [...walked].sort((a, b) => compareBytes(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')));
        expect(walked).toEqual(sorted);
        expect(new Set(walked).size).toBe(walked.length);
        expect(walked[0]).toBe('');
      }),
      { numRuns: 60 },
    );
  });

  test('several sources stand under their own names, sorted with their contents', () => {
    const folder = makeTempDir();
    mkdirSync(join(folder, 'x/a'), { recursive: true });
    mkdirSync(join(folder, 'a-b'));
    writeFileSync(join(folder, 'x/a/in'), '');
    writeFileSync(join(folder, 'a-b/in'), '');
    writeFileSync(join(folder, 'x/file'), '');
    expect(pathsOf(['a-b', 'x/a', 'x/file'], folder)).toEqual(['a', 'a-b', 'a-b/in', 'a/in', 'file']);
  });

  test('a single file and a single symlink stand under their own name; a symlink is not followed', () => {
    const folder = makeTempDir();
    mkdirSync(join(folder, 'real'));
    writeFileSync(join(folder, 'real/in'), '');
    symlinkSync('real', join(folder, 'link'));
    expect(pathsOf(['real/in'], folder)).toEqual(['in']);
    expect(pathsOf(['link'], folder)).toEqual(['link']);
  });

  test('two sources of one name are refused, missing ones are named, none at all is an error', () => {
    const folder = makeTempDir();
    mkdirSync(join(folder, 'a/same'), { recursive: true });
    mkdirSync(join(folder, 'b/same'), { recursive: true });
    expect(() => findSources(['a/same', 'b/same'], folder)).toThrow("two of the paths are called 'same'");
    expect(findSources(['a', 'nothing'], folder).missing).toEqual([{ path: 'nothing', message: 'does not exist' }]);
    expect(() => findSources(['nothing', 'nowhere'], folder)).toThrow(
      "'nothing': does not exist, 'nowhere': does not exist",
    );
  });

  test('a folder that is left out is left out whatever path leads to it, with all that is in it', () => {
    const folder = makeTempDir();
    mkdirSync(join(folder, 'data/vault/packs'), { recursive: true });
    writeFileSync(join(folder, 'data/other'), '');
    symlinkSync(join(folder, 'data'), join(folder, 'link'));
    const found = findSources(['.'], folder, [join(folder, 'link/vault'), join(folder, 'not there')]);
    const walked = [...walk(found)].map((item) => (item.kind === 'entry' ? item.path : item.message));
    expect(walked).toEqual(['', 'data', 'data/other', 'the vault does not store itself', 'link']);
  });

  test('what vanishes while it is walked is a problem and not the end', () => {
    const folder = makeTempDir();
    for (const name of ['a', 'b', 'c']) mkdirSync(join(folder, name));
    const items = walk(findSources(['.'], folder));
    items.next();
    items.next();
    rmSync(join(folder, 'b'), { recursive: true });
    const rest = [...items].map((item) => (item.kind === 'entry' ? item.path : item.message));
    expect(rest).toEqual(['vanished while it was read', 'vanished while it was read', 'c']);
  });
});
