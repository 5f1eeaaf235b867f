// A sealing thread: reads, cuts, compresses and encrypts whole files. Plaintext never leaves it.

import { parentPort, workerData } from 'node:worker_threads';
import { createGearTable } from '../chunker.js';
import { frameKinds, type PlannedFrame, planFrame } from '../frame.js';
import type { SealedLeaf } from '../seal.js';
import { RecordSlabs } from './record-slabs.js';
import {
  decodeJobs,
  encodeFiles,
  type FailedFile,
  type FileJob,
  type FinishedFile,
  type FromWorker,
  memoryOf,
  type SealedChunk,
  type ToWorker,
  type WorkerSetup,
} from './seal-messages.js';
import { createSealingMemory, sealFile } from './source-file.js';
import { reason } from './walk.js';

if (parentPort === null) throw new Error('seal-worker runs as a worker thread');
const port = parentPort;
const setup = workerData as WorkerSetup;
const memory = createSealingMemory(
  setup.domains.map(({ salt, chunkerSecret }) => ({ salt, gear: createGearTable(chunkerSecret) })),
);
const slabs = new RecordSlabs(setup.slabsMax);

/** Long files say how far they are. */
const tellPassedBytes = 4 * 1024 * 1024;

let finished: FinishedFile[] = [];
let failed: FailedFile[] = [];
/** Content that is sealed, or need not be, and was not told of; below zero where some of it is read again or given up. */
let passedBytes = 0;

function post(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function tellPassed(): void {
  if (passedBytes !== 0) post({ type: 'passed', bytes: passedBytes });
  passedBytes = 0;
}

/** Sends what is sealed, then the files that are complete with it: the order is what `FromWorker` promises. */
function handOver(): void {
  const run = slabs.takeRun();
  if (run !== undefined) post({ type: 'run', run }, [run.rawLengths.buffer as ArrayBuffer]);
  tellPassed();
  if (finished.length > 0 || failed.length > 0) {
    const files = encodeFiles(finished);
    post({ type: 'sealed', files, failed }, memoryOf(files));
    finished = [];
    failed = [];
  }
}

async function sealBehindWait(salt: Uint8Array, plan: PlannedFrame, waiting: Promise<void>): Promise<SealedLeaf> {
  post({ type: 'waiting', isWaiting: true });
  await waiting;
  post({ type: 'waiting', isWaiting: false });
  return slabs.seal(salt, plan);
}

function seal(salt: Uint8Array, raw: Uint8Array): SealedLeaf | Promise<SealedLeaf> {
  const plan = planFrame(frameKinds.data, raw);
  if (!slabs.hasRoom(plan)) {
    handOver();
    const waiting = slabs.nextSlab();
    if (waiting !== undefined) return sealBehindWait(salt, plan, waiting);
  }
  return slabs.seal(salt, plan);
}

async function sealOne(job: FileJob): Promise<void> {
  const domain = memory.domains[job.domain];
  if (domain === undefined) throw new Error('unknown domain');
  const chunks: SealedChunk[] = [];
  let fileBytes = 0;
  const add = ({ id, key }: SealedLeaf, rawLength: number): SealedLeaf => {
    chunks.push({ id, key, rawLength });
    fileBytes += rawLength;
    passedBytes += rawLength;
    if (passedBytes >= tellPassedBytes) tellPassed();
    return { id, key };
  };
  const takeBack = (): void => {
    passedBytes -= fileBytes;
    fileBytes = 0;
  };
  try {
    const sink = {
      seal: (raw: Uint8Array) => {
        const sealed = seal(domain.salt, raw);
        return sealed instanceof Promise ? sealed.then((late) => add(late, raw.length)) : add(sealed, raw.length);
      },
      repeat: add,
      restart: () => {
        chunks.length = 0;
        takeBack();
      },
    };
    const read = await sealFile(job, memory.window, domain, sink);
    finished.push({ ticket: job.ticket, chunks, ...read });
  } catch (error) {
    takeBack();
    failed.push({ ticket: job.ticket, message: reason(error) });
  }
}

let queue = Promise.resolve();

port.on('message', (message: ToWorker) => {
  if (message.type === 'give-back') {
    slabs.giveBack(message.slab);
    return;
  }
  queue = queue.then(async () => {
    for (const job of decodeJobs(message.jobs)) await sealOne(job);
    handOver();
    post({ type: 'idle' });
  });
});
