// Makes one file of each dist/*/packages/*.js and of all that it takes of its package
// (docs/decisions/0018-what-a-start-loads.md). What is copied keeps its licence: dist/third-party-licenses.txt.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './setup.js';

const dist = join(root, 'dist');

/** Packages in the CommonJS form ask for Node's modules with `require`. */
const requireForPackages =
  "import { createRequire as makeRequire } from 'node:module';\nconst require = makeRequire(import.meta.url);";

function findFiles() {
  return readdirSync(dist)
    .map((room) => join(dist, room, 'packages'))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
}

function licenceOf(name) {
  const folder = join(root, 'node_modules', name);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`${name} has no licence file`);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
}

export async function bundlePackages() {
  const packages = new Set();
  for (const file of findFiles()) {
    const { metafile } = await build({
      entryPoints: [file],
      outfile: file,
      allowOverwrite: true,
      absWorkingDir: root,
      bundle: true,
      platform: 'node',
      target: 'node20.19',
      format: 'esm',
      banner: { js: requireForPackages },
      metafile: true,
      logLevel: 'warning',
    });
    for (const input of Object.keys(metafile.inputs)) {
      const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
      if (name !== undefined) packages.add(name);
    }
  }
  const licences = [...packages].sort().map(licenceOf);
  writeFileSync(join(dist, 'third-party-licenses.txt'), licences.join(`\n${'-'.repeat(80)}\n\n`));
}
