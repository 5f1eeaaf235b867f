// Compiles src/ to dist/. Old output goes first, so that a deleted source leaves no program behind.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './setup.js';

rmSync(join(root, 'dist'), { recursive: true, force: true });
const status = run(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json']);
if (status === 0) {
  const { bundlePackages } = await import('./bundle-packages.js');
  await bundlePackages();
  writeFileSync(join(root, 'dist', '.built'), '');
}
process.exitCode = status;
