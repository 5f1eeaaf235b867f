// `npm run sim:admission`: the daemon's admission under simulated attacks. Options after `--` are in admission/run.js.
import { setup } from '../scripts/setup.js';

setup();
// The modules of the daemon that it simulates must have been built.
await import('./admission/run.js');
