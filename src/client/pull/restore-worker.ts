// A restoring thread: checks, decrypts, decompresses and writes.
import { parentPort } from 'node:worker_threads';
import { ClientError } from '../errors.js';
import {
  checkTarget,
  createTemporary,
  DamagedChunk,
  discardTemporary,
  finishFile,
  writeChunks,
} from './restore-file.js';
import type { RestoreAnswer, RestoreJob, RestoreOutcome, WholeFile } from './restore-messages.js';

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

function restoreWhole(file: WholeFile, blobs: readonly (Uint8Array | undefined)[]): RestoreOutcome['outcome'] {
  const state = checkTarget(file.targetPath, file.overwrite, file.sizeBytes, file.metadata);
  if (state !== 'free') return state;
  const temporary = createTemporary(file.folderPath);
  try {
    const own = file.blobAt.map((at) => blobs[at]);
    writeChunks(temporary.file, 0, file.chunks, own, file.sparse);
    finishFile(temporary, file.targetPath, file.sizeBytes, file.sparse, file.metadata);
    return 'done';
  } catch (error) {
    discardTemporary(temporary);
    throw error;
  }
}

port.on('message', (job: RestoreJob) => {
  const answer: RestoreAnswer =
    job.type === 'files'
      ? job.files.map((file) => attempt(() => restoreWhole(file, job.blobs)))
      : [
          attempt(() => {
            writeChunks(job.part.file, job.part.offset, job.part.chunks, job.blobs, job.part.sparse);
            return 'done';
          }),
        ];
  port.postMessage(answer);
});
