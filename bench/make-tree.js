// Trees of tens of thousands of real files: Linux source trees from Debian's archive, or, where those cannot be had, the
// packages of this checkout copied with changes until there are enough.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../scripts/setup.js';

const debianPackage = 'linux-source-6.1';

/** The two newest versions with different upstream numbers, the older one first; none where there is no apt. */
export function debianVersions() {
  const { stdout, status } = spawnSync('apt-cache', ['madison', debianPackage], { encoding: 'utf8' });
  if (status !== 0) return [];
  const newest = new Map();
  for (const line of stdout.split('\n')) {
    const version = line.split('|')[1]?.trim();
    const upstream = version?.split('-')[0];
    if (upstream !== undefined && !newest.has(upstream)) newest.set(upstream, version);
  }
  const byNumber = (a, b) => a.localeCompare(b, 'en', { numeric: true });
  return [...newest.values()].sort(byNumber).slice(-2);
}

/** Unpacks one version into the folder `name` below `place`. */
export function unpackLinux(version, place, name) {
  const script = [
    'set -e -o pipefail',
    `mkdir ${name} deb-${name}`,
    `cd deb-${name}`,
    `apt-get download -o APT::Sandbox::User=root ${debianPackage}=${version} >&2`,
    `dpkg-deb --fsys-tarfile *.deb | tar x -O ./usr/src/${debianPackage}.tar.xz | xz -dc | tar x --strip-components=1 -C ../${name}`,
  ].join('\n');
  const result = spawnSync('bash', ['-c', script], { cwd: place, stdio: ['ignore', 'ignore', 'inherit'] });
  if (result.status !== 0) throw new Error(`${debianPackage} ${version} could not be fetched and unpacked`);
}

/** Copies packages into `target` until it has `filesWanted` files. */
export function copyPackages(target, filesWanted) {
  let files = 0;
  const copy = (from, to, mark) => {
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(from)) {
      if (files >= filesWanted) return;
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
