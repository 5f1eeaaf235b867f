// A tree of tens of thousands of real files: a Linux source tree from Debian's archive, or, where that cannot be had, the
// packages of this checkout copied with changes until there are enough.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../scripts/setup.js';

const filesWanted = 40_000;

function linuxSource(folder) {
  const script = [
    'set -e',
    'apt-get download -o APT::Sandbox::User=root linux-source-6.1 >&2',
    'dpkg-deb --fsys-tarfile linux-source-6.1_*.deb | tar x -O ./usr/src/linux-source-6.1.tar.xz | tar xJ --strip-components=1 -C tree',
  ].join('\n');
  mkdirSync(join(folder, 'tree'), { recursive: true });
  const result = spawnSync('sh', ['-c', script], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  return result.status === 0 ? join(folder, 'tree') : undefined;
}

function copiedPackages(folder) {
  const target = join(folder, 'tree');
  let files = 0;
  const copy = (from, to, mark) => {
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(from)) {
      const path = join(from, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat?.isDirectory()) copy(path, join(to, name), mark);
      else if (stat?.isFile() && stat.size < 1 << 20) {
        // Every copy differs, so that no tool can spare itself the work.
        writeFileSync(join(to, name), Buffer.concat([Buffer.from(mark), readFileSync(path)]));
        files += 1;
      }
    }
  };
  for (let at = 0; files < filesWanted; at += 1)
    copy(join(root, 'node_modules'), join(target, `copy-${at}`), `${at}\n`);
  return target;
}

export function makeTree(folder) {
  mkdirSync(folder, { recursive: true });
  const source = linuxSource(folder);
  if (source !== undefined) return source;
  rmSync(join(folder, 'tree'), { recursive: true, force: true });
  return copiedPackages(folder);
}
