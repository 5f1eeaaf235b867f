// Everything that a tool can hold (CONTRIBUTING.md): types, layout, lint, doors, unused code, migrations, spelling of the lock.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, setup } from './setup.js';

setup();
const bin = (name) => join(root, 'node_modules', '.bin', name);
const steps = [
  ['types', bin('tsc'), ['-p', 'tsconfig.json']],
  ['layout', bin('biome'), ['ci', '.']],
  ['lint', bin('eslint'), ['--max-warnings', '0', '.']],
  ['doors', bin('depcruise'), ['src', '--config', '.dependency-cruiser.cjs']],
  ['unused code', bin('knip'), []],
];
let failed = 0;
for (const [what, command, args] of steps) {
  const started = Date.now();
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const output = `${result.stdout}${result.stderr}`;
  // TypeScript 7 would make dependency-cruiser see nothing and stay green.
  const blind = what === 'doors' && !/\b[1-9]\d+ modules/.test(output);
  const ok = result.status === 0 && !blind;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (!ok) {
    failed += 1;
    console.log(output);
  }
}

const migrations = () =>
  ['', 'meta'].map((folder) =>
    readdirSync(join(root, 'drizzle', folder)).map((name) =>
      name.includes('.') ? readFileSync(join(root, 'drizzle', folder, name), 'utf8') : name,
    ),
  );
const before = JSON.stringify(migrations());
spawnSync(bin('drizzle-kit'), ['generate'], { cwd: root, stdio: 'ignore' });
const same = JSON.stringify(migrations()) === before;
console.log(`${same ? 'ok  ' : 'FAIL'} migrations match the schema`);
if (!same) failed += 1;

const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
const clean = !lock.includes('"resolved": "http');
console.log(`${clean ? 'ok  ' : 'FAIL'} the lock file carries no addresses`);
if (!clean) failed += 1;

process.exitCode = failed === 0 ? 0 : 1;
