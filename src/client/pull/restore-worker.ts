// A restoring thread: checks, decrypts, decompresses and writes.
import { parentPort } from 'node:worker_threads';
import { ClientError } from '../errors.js';
import type { Overwrite } from './restore-file.js';
import {
  checkTarget,
  createTemporary,
  DamagedChunk,
  discardTemporary,
  finishFile,
  isTakenSeenAtRename,
  writeChunks,
} from './restore-file.js';
import {
  decodeChunks,
  decodeWholeFiles,
  type RestoreAnswer,
  type RestoreJob,
  type RestoreOutcome,
  type WholeFile,
} from './restore-messages.js';

if (parentPort === null) throw new Error('restore-worker runs as a worker thread');
const port = parentPort;

function attempt(work: () => RestoreOutcome['outcome']): RestoreOutcome {
  try {
    return { outcome: work(), message: '' };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof DamagedChunk) return { outcome: 'damaged', message, damagedId: error.id };
    return { outcome: error instanceof ClientError && error.code === 'integrity' ? 'damaged' : 'failed', message };
  }
}

function restoreWhole(file: WholeFile, overwrite: Overwrite, slab: Uint8Array): RestoreOutcome['outcome'] {
  const { target, sizeBytes, sparse, metadata } = file;
  if (!isTakenSeenAtRename(target, overwrite)) {
    const state = checkTarget(target.path, overwrite, sizeBytes, metadata);
    if (state !== 'free') return state;
  }
  const temporary = createTemporary(target);
  try {
    writeChunks(temporary.file, 0, file.chunks, slab, sparse);
    return finishFile(temporary, target, { sizeBytes, sparse, metadata, overwrite });
  } catch (error) {
    discardTemporary(temporary);
    throw error;
  }
}

function run(job: RestoreJob): RestoreOutcome[] {
  const slab = new Uint8Array(job.slab);
  if (job.type === 'files') {
    return decodeWholeFiles(job.files).map((file) => attempt(() => restoreWhole(file, job.overwrite, slab)));
  }
  const outcome = attempt(() => {
    writeChunks(job.file, job.offset, decodeChunks(job.chunks), slab, job.sparse);
    return 'done';
  });
  return [outcome];
}

port.on('message', (job: RestoreJob) => {
  const answer: RestoreAnswer = [...run(job).entries()].filter(([, { outcome }]) => outcome !== 'done');
  port.postMessage(answer);
});
