// A push (docs/architecture.md, "The life of a push"), and a second one where the daemon has lost what the first one took for
// granted.
import { ProtocolError } from '../../protocol/errors.js';
import type { WritableLog } from '../append-log.js';
import { integrityError } from '../errors.js';
import { keepHeapsSmall } from '../thread-memory.js';
import type { Vault } from '../vault.js';
import { openPushLog } from './push-log.js';
import { onceEach, type PushOptions, type PushProgress, type PushResult } from './push-options.js';
import { PushRun } from './push-run.js';
import { WalkThread } from './walk-thread.js';

/** Pushes the sources into the vault; throws ClientError or ProtocolError, and then nothing is published. */
export async function push(vault: Vault, options: PushOptions, progress: PushProgress): Promise<PushResult> {
  keepHeapsSmall();
  const told = { ...options, onProblem: onceEach(options.onProblem) };
  // It begins while the log is read.
  let walk = new WalkThread(options.found);
  try {
    const log = await openPushLog(vault);
    for (let { reread } = options; ; reread = true) {
      try {
        return await runOnce(vault, log, { ...told, reread }, progress, walk);
      } catch (error) {
        if (!isContentMissing(error)) throw error;
        // Where everything was asked for, a daemon that lacks something contradicts itself.
        if (reread) throw integrityError('the daemon does not have what it said it has: no snapshot was made', error);
      }
      // The daemon has found something damaged that unchanged files refer to: reading them again stores it again.
      Object.assign(progress, { files: 0, bytes: 0 });
      await walk.close();
      walk = new WalkThread(options.found);
    }
  } finally {
    await walk.close();
  }
}

function isContentMissing(error: unknown): boolean {
  return error instanceof ProtocolError && (error.code === 'children-missing' || error.code === 'root-missing');
}

async function runOnce(
  vault: Vault,
  log: WritableLog,
  options: PushOptions,
  progress: PushProgress,
  walk: WalkThread,
): Promise<PushResult> {
  const run = new PushRun(vault, log, options, progress);
  try {
    return await run.run(walk);
  } finally {
    await run.close();
  }
}
