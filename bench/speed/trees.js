// Trees of real files in several versions: Linux from Debian's archive, an npm package, and a made tree where neither is.
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { copyPackages, debianVersions, unpackLinux } from '../make-tree.js';
import { makeOnce, sized } from './data.js';

function isSame(one, other) {
  const [a, b] = [lstatSync(one), lstatSync(other)];
  if (a.isSymbolicLink() && b.isSymbolicLink()) return readlinkSync(one) === readlinkSync(other);
  return (
    a.isFile() && b.isFile() && a.mode === b.mode && a.size === b.size && readFileSync(one).equals(readFileSync(other))
  );
}

/** Paths at which two trees differ; a folder that only one of them has is one path. */
function differences(one, other, below = '') {
  const names = new Set([...readdirSync(join(one, below)), ...readdirSync(join(other, below))]);
  return [...names].flatMap((name) => {
    const path = join(below, name);
    const [a, b] = [join(one, path), join(other, path)];
    const stats = [a, b].map((side) => lstatSync(side, { throwIfNoEntry: false }));
    if (stats.includes(undefined)) return [path];
    if (stats.every((stat) => stat.isDirectory())) return differences(one, other, path);
    return isSame(a, b) ? [] : [path];
  });
}

/** Exchanges what two trees have at a path; done twice, all is as before. */
function exchange(one, other, path) {
  const aside = join(one, '..', 'aside');
  const [a, b] = [join(one, path), join(other, path)];
  const isThere = (side) => lstatSync(side, { throwIfNoEntry: false }) !== undefined;
  const [hasA, hasB] = [isThere(a), isThere(b)];
  if (hasA) renameSync(a, aside);
  if (hasB) renameSync(b, a);
  if (hasA) renameSync(aside, b);
}

/**
 * A tree that becomes its next version in place and goes back: only what differs is exchanged, so that all other files
 * keep their inodes and times, as they do for somebody who updates a tree. Nothing is created or deleted.
 */
function twoVersions(place) {
  const [tree, next] = [join(place, 'tree'), join(place, 'next')];
  const state = join(place, 'version.json');
  const paths = JSON.parse(readFileSync(join(place, 'differences.json'), 'utf8'));
  const to = (version) => {
    const now = JSON.parse(readFileSync(state, 'utf8'));
    if (now === version) return;
    if (now === 'between') throw new Error(`a run was cut off while it changed ${place}: remove that folder`);
    writeFileSync(state, JSON.stringify('between'));
    for (const path of paths) exchange(tree, next, path);
    writeFileSync(state, JSON.stringify(version));
  };
  to(0);
  return { ...sized(tree), changed: paths.length, to };
}

function keepDifferences(place) {
  const paths = differences(join(place, 'tree'), join(place, 'next'));
  writeFileSync(join(place, 'differences.json'), JSON.stringify(paths));
  writeFileSync(join(place, 'version.json'), '0');
}

/** The packages of this checkout with changes; in the next version every hundredth file has one line more. */
async function makeCopied(folder, fileCount, say) {
  const { place } = await makeOnce(folder, `copied-${fileCount}`, say, (made) => {
    const tree = copyPackages(join(made, 'tree'), fileCount);
    cpSync(tree, join(made, 'next'), { recursive: true, verbatimSymlinks: true });
    const files = readdirSync(join(made, 'next'), { recursive: true, withFileTypes: true }).filter((one) =>
      one.isFile(),
    );
    for (const [at, file] of files.entries())
      if (at % 100 === 0) appendFileSync(join(file.parentPath, file.name), `\n${at}\n`);
    keepDifferences(made);
  });
  return { ...twoVersions(place), name: 'made tree', about: 'packages of the checkout, copied with changes' };
}

/** Two versions of Linux from Debian's archive, or a made tree where there is none. */
export async function makeLinux(folder, say) {
  const kept = existsSync(folder) && readdirSync(folder).find((name) => name.startsWith('linux-'));
  const versions = kept ? kept.slice('linux-'.length).split('_') : debianVersions();
  if (versions.length === 2) {
    try {
      const { place } = await makeOnce(folder, `linux-${versions.join('_')}`, say, (made) => {
        unpackLinux(versions[0], made, 'tree');
        unpackLinux(versions[1], made, 'next');
        keepDifferences(made);
      });
      return {
        ...twoVersions(place),
        name: 'Linux tree',
        about: `Debian's linux-source-6.1 ${versions.join(', then ')}`,
      };
    } catch (error) {
      say(`no Linux tree: ${error.message}`);
    }
  }
  say("Debian's archive is not here: a made tree stands in for Linux");
  return makeCopied(folder, 40_000, say);
}

export const makeSmallTree = (folder, say) => makeCopied(folder, 1_000, say);

const packageVersions = ['5.4.5', '5.5.2', '5.6.2'];

/** Versions of one npm package in one folder, which is replaced as a whole, as `npm install` does. */
export async function makePackage(folder, say) {
  const { place } = await makeOnce(folder, 'typescript', say, (made) => {
    for (const [at, version] of packageVersions.entries()) {
      const packed = spawnSync('npm', ['pack', '--silent', `typescript@${version}`], { cwd: made, encoding: 'utf8' });
      if (packed.status !== 0) throw new Error(`npm pack typescript@${version} failed`);
      mkdirSync(join(made, `version-${at}`));
      spawnSync('tar', ['xzf', packed.stdout.trim(), '-C', `version-${at}`], { cwd: made });
    }
  });
  const tree = join(place, 'tree');
  const state = join(place, 'version.json');
  const to = (version) => {
    if (existsSync(tree)) renameSync(tree, join(place, `version-${JSON.parse(readFileSync(state, 'utf8'))}`));
    // Written first: without a tree the state means nothing.
    writeFileSync(state, JSON.stringify(version));
    renameSync(join(place, `version-${version}`), tree);
  };
  to(0);
  return { ...sized(tree), about: `typescript ${packageVersions.join(', ')}`, to };
}
