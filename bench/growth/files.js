// Files: what trees of more and more tiny files cost, each on a daemon of its own: a cold push, one of the unchanged tree,
// and listing what the snapshot holds.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/setup.js';
import { makeTiny } from '../speed/data.js';
import { createMeter, isThere, settle, warm } from '../speed/measure.js';
import { startDaemon } from './daemon.js';

const clientProgram = join(root, 'bin', 'jaycloud.js');

/** A registered client whose commands are measured together with the daemon's share. */
async function openClient(work) {
  const dataDir = join(work, 'files', 'data');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const daemon = await startDaemon({ dataDir });
  const meter = createMeter(work);
  const env = {
    JAYCLOUD_SERVER: daemon.url,
    JAYCLOUD_CONFIG_DIR: join(work, 'files', 'config'),
    JAYCLOUD_CACHE_DIR: join(work, 'files', 'cache'),
    JAYCLOUD_CREDENTIAL_STORE: 'file',
    JAYCLOUD_PASSWORD: 'bench password',
  };
  const client = (...args) =>
    meter(process.execPath, [clientProgram, '--quiet', ...args], { env, serverPid: daemon.pid });
  client('register', 'growth');
  return { daemon, client };
}

/** One tree. A tree of a single file says what a command costs before the first file. */
export async function measureFiles({ folder, work, files, say }) {
  const tree = await makeTiny(folder, files, say);
  const { daemon, client } = await openClient(work);
  try {
    const steps = {};
    for (const [step, args] of [
      ['cold', ['push', tree.path, '--name', 'tree']],
      ['unchanged', ['push', tree.path, '--name', 'tree']],
      ['list', ['ls', 'tree']],
    ]) {
      if (step === 'cold') warm(tree.path);
      settle();
      const { wall, cpu, serverCpu, memory, others } = client(...args);
      steps[step] = { wall, cpu, daemonCpu: serverCpu, memory, others };
    }
    return { files, bytes: tree.bytes, steps, daemonPeak: daemon.peak() };
  } finally {
    await daemon.stop();
    rmSync(join(work, 'files'), { recursive: true, force: true });
  }
}

/** Whether GNU time is here, which measures the client. */
export const canMeasureFiles = () => isThere('/usr/bin/time');
