import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { inFolder, TargetTree } from '../../../src/client/pull/target-tree.js';
import { makeTempDir, removeTempDirs } from '../../helpers/programs.js';

afterAll(removeTempDirs);

describe('the target of a pull', () => {
  test('a folder that is held stays usable however many others are opened', () => {
    const root = makeTempDir();
    const tree = new TargetTree(root);
    const held = Array.from({ length: 600 }, (_, at) => tree.folder(`folder-${String(at)}`));
    for (const folder of held) writeFileSync(inFolder(folder, 'file'), 'content');
    for (const folder of held) folder.release();
    // Used again after most were closed.
    for (let at = 0; at < 600; at += 1) {
      const folder = tree.folder(`folder-${String(at)}`);
      writeFileSync(inFolder(folder, 'second'), 'content');
      folder.release();
    }
    tree.close();
    expect(readdirSync(root)).toHaveLength(600);
    expect(readdirSync(join(root, 'folder-0'))).toEqual(['file', 'second']);
  });

  test('no symlink leads out, whether it was there before or takes a folder’s place', () => {
    const root = makeTempDir();
    const outside = makeTempDir();
    symlinkSync(outside, join(root, 'link'));
    const tree = new TargetTree(root);
    expect(() => tree.folder('link')).toThrow('something else is in the way');
    expect(() => tree.folder('link/below')).toThrow('something else is in the way');
    tree.close();
    expect(readdirSync(outside)).toEqual([]);
  });

  test('a folder that is replaced by a symlink while it is held still means the old one', () => {
    const root = makeTempDir();
    const outside = makeTempDir();
    const tree = new TargetTree(root);
    const folder = tree.folder('a');
    mkdirSync(join(root, 'moved'));
    // The folder moves away and a symlink takes its name.
    renameSync(join(root, 'a'), join(root, 'moved/a'));
    symlinkSync(outside, join(root, 'a'));
    writeFileSync(inFolder(folder, 'file'), 'content');
    folder.release();
    tree.close();
    expect(readdirSync(outside)).toEqual([]);
    expect(existsSync(join(root, 'moved/a/file'))).toBe(true);
  });
});
