// `npm start -- ARGS` is `jaycloud ARGS` from a fresh checkout, in the folder where the user stands.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.js';

setup();
const child = spawn(process.execPath, [join(root, 'bin', 'jaycloud.js'), ...process.argv.slice(2)], {
  cwd: process.env.INIT_CWD ?? process.cwd(),
  stdio: 'inherit',
});
// Ctrl-C reaches both; the child decides how to end.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(`jaycloud: error: ${error.message}`);
  process.exitCode = 1;
});
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});
