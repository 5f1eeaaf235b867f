// A sealing thread: reads, cuts, compresses and encrypts whole files. Plaintext never leaves it.

import { parentPort, workerData } from 'node:worker_threads';
import { blobIdBytes } from '../../protocol/limits.js';
import { createGearTable } from '../chunker.js';
import type { ChunkRef, SealedBlob } from '../seal.js';
import {
  decodeJobs,
  encodeFiles,
  type FailedFile,
  type FileJob,
  type FromWorker,
  type SealedFile,
  statOf,
  type ToWorker,
  type WorkerSetup,
} from './seal-messages.js';
import { createSealingMemory, sealFile } from './source-file.js';
import { reason } from './walk.js';

/** A run is handed over at this size: large enough to be rare, small enough to keep the uploads going. */
const runBytes = 4 * 1024 * 1024;
/** Bytes that a thread may have handed over without being told that there is room for more. */
const aheadBytesMax = 12 * 1024 * 1024;

if (parentPort === null) throw new Error('seal-worker runs as a worker thread');
const port = parentPort;
const setup = workerData as WorkerSetup;
const memory = createSealingMemory(
  setup.domains.map(({ salt, chunkerSecret }) => ({ salt, gear: createGearTable(chunkerSecret) })),
);

let pending: SealedBlob[] = [];
let pendingBytes = 0;
let finished: SealedFile[] = [];
let failed: FailedFile[] = [];
let aheadBytes = 0;
let onRoom: (() => void) | undefined;

function post(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

/** Sends what is sealed, then the files that are complete with it: the order is what `FromWorker` promises. */
function handOver(): void {
  if (pending.length > 0) {
    const bytes = new Uint8Array(pendingBytes);
    const ids = new Uint8Array(pending.length * blobIdBytes);
    const lengths = new Uint32Array(pending.length);
    const rawLengths = new Uint32Array(pending.length);
    let at = 0;
    pending.forEach((sealed, index) => {
      bytes.set(sealed.blob, at);
      ids.set(sealed.id, index * blobIdBytes);
      lengths[index] = sealed.blob.length;
      rawLengths[index] = sealed.rawLength;
      at += sealed.blob.length;
    });
    aheadBytes += pendingBytes;
    pending = [];
    pendingBytes = 0;
    const buffers = [bytes.buffer, ids.buffer, lengths.buffer, rawLengths.buffer];
    post({ type: 'run', run: { bytes, ids, lengths, rawLengths } }, buffers);
  }
  if (finished.length > 0 || failed.length > 0) {
    const files = encodeFiles(finished);
    const buffers = [files.heads, files.sizes, files.stats, files.refs].map(({ buffer }) => buffer as ArrayBuffer);
    post({ type: 'sealed', files, failed }, buffers);
    finished = [];
    failed = [];
  }
}

function room(): Promise<void> | undefined {
  if (aheadBytes < aheadBytesMax) return undefined;
  return new Promise((resolve) => {
    onRoom = resolve;
  });
}

async function sealOne(job: FileJob): Promise<void> {
  const domain = memory.domains[job.domain];
  if (domain === undefined) throw new Error('unknown domain');
  const chunks: ChunkRef[] = [];
  try {
    const read = await sealFile(job.source, memory.window, domain, (sealed) => {
      chunks.push({ id: sealed.id, key: sealed.key, rawLength: sealed.rawLength });
      pending.push(sealed);
      pendingBytes += sealed.blob.length;
      if (pendingBytes < runBytes) return undefined;
      handOver();
      return room();
    });
    const { sizeBytes, sparse, changed } = read;
    finished.push({ ticket: job.ticket, chunks, stat: statOf(read.stat), sizeBytes, sparse, changed });
  } catch (error) {
    failed.push({ ticket: job.ticket, message: reason(error) });
  }
}

let queue = Promise.resolve();

port.on('message', (message: ToWorker) => {
  if (message.type === 'room') {
    aheadBytes -= message.bytes;
    if (aheadBytes < aheadBytesMax) onRoom?.();
    return;
  }
  queue = queue.then(async () => {
    for (const job of decodeJobs(message.jobs)) await sealOne(job);
    handOver();
    post({ type: 'idle' });
  });
});
