// A folder with a few files that no daemon has seen before.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir } from './programs.js';

export function makeTree(): string {
  const tree = join(makeTempDir(), 'tree');
  mkdirSync(tree);
  for (let i = 0; i < 3; i += 1) writeFileSync(join(tree, `file-${String(i)}`), randomBytes(2000));
  return tree;
}
