// What the machine takes for the work that a push or a pull cannot do without, one thread alone: processor time for a byte, or
// for a file. Everything goes through Node as in the client, because a program in another language would begin there too.
import { createCipheriv, hash } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../../scripts/setup.js';
import { makeRandom } from './data.js';

const mib = 1 << 20;
const pieceBytes = 64 * 1024;
const chunkBytes = mib;
const sampleBytes = 256 * mib;
const sampleFiles = 2000;
const tries = 5;

const dist = (path) => import(pathToFileURL(join(root, 'dist', path)).href);

function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Processor seconds of this process for one of `count` pieces of work; the least of some tries, since it is what can be had that is wanted. */
async function costOf(count, work) {
  const samples = [];
  for (let at = 0; at < tries; at += 1) {
    const before = cpuSeconds();
    await work(at);
    samples.push((cpuSeconds() - before) / count);
  }
  return Math.min(...samples);
}

function encrypt(bytes) {
  const cipher = createCipheriv('aes-256-gcm', Buffer.alloc(32, 1), Buffer.alloc(12));
  for (let at = 0; at < bytes.length; at += pieceBytes) cipher.update(bytes.subarray(at, at + pieceBytes));
  cipher.final();
}

/** Sends `bytes` to this very process: both ends of a connection. */
async function throughLoopback(bytes) {
  const server = createServer((socket) => {
    socket.on('data', () => undefined);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect(server.address().port, '127.0.0.1');
  for (let at = 0; at < bytes.length; at += 4 * mib) {
    if (!socket.write(bytes.subarray(at, at + 4 * mib))) await new Promise((resolve) => socket.once('drain', resolve));
  }
  await new Promise((resolve) => socket.end(resolve));
  await new Promise((resolve) => server.close(resolve));
}

async function perByte(noise, file, folder, text) {
  const { createGearTable, findCut } = await dist('client/chunker.js');
  const { createWasmScanner } = await dist('client/gear-scan-wasm.js');
  const { compress, decompress } = await dist('client/zstd.js');
  const source = openSync(file, 'r');
  const memory = Buffer.alloc(4 * mib);
  const { window, scans } = createWasmScanner([createGearTable()], 64 * mib);
  window.set(noise.subarray(0, window.length));
  const overNoise = (work) => costOf(noise.length, work);
  const chunks = (work) => () => {
    for (let at = 0; at < noise.length; at += chunkBytes) work(noise.subarray(at, at + chunkBytes));
  };
  const texts = text.map((raw) => ({ raw, stored: Buffer.from(compress(raw)) }));
  const textBytes = text.reduce((sum, { length }) => sum + length, 0);
  const costs = {
    read: await overNoise(() => {
      for (let at = 0; at < noise.length; at += memory.length) readSync(source, memory, 0, memory.length, at);
    }),
    cut: await costOf(window.length, () => {
      for (let at = 0; at < window.length; ) at += findCut(at, window.length, scans[0]);
    }),
    hash: await overNoise(chunks((chunk) => hash('sha256', chunk, 'binary'))),
    encrypt: await overNoise(chunks(encrypt)),
    travel: await overNoise(() => throughLoopback(noise)),
    write: await overNoise((at) => {
      const target = openSync(join(folder, `written-${String(at)}`), 'w');
      for (let from = 0; from < noise.length; from += mib) writeSync(target, noise, from, mib);
      fsyncSync(target);
      closeSync(target);
    }),
    compress: await costOf(textBytes, () => {
      for (const { raw } of texts) compress(raw);
    }),
    decompress: await costOf(textBytes, () => {
      for (const { raw, stored } of texts) decompress(stored, raw.length);
    }),
  };
  closeSync(source);
  return costs;
}

async function perFile(folder) {
  const many = (work) => (attempt) => {
    for (let at = 0; at < sampleFiles; at += 1) work(join(folder, 'files', String(at)), attempt, at);
  };
  mkdirSync(join(folder, 'files'));
  const content = Buffer.alloc(4096, 1);
  many((path) => writeFileSync(path, content))();
  return {
    look: await costOf(
      sampleFiles,
      many((path) => lstatSync(path)),
    ),
    open: await costOf(
      sampleFiles,
      many((path) => {
        const file = openSync(path, 'r');
        readSync(file, content, 0, content.length, 0);
        fstatSync(file);
        closeSync(file);
      }),
    ),
    create: await costOf(
      sampleFiles,
      many((path, attempt) => {
        const made = `${path}-${String(attempt)}`;
        const file = openSync(made, 'wx');
        writeSync(file, content);
        closeSync(file);
        renameSync(made, `${made}-done`);
      }),
    ),
  };
}

/** Source files of this project and its packages: what trees of text are made of. */
function someText() {
  const folder = join(root, 'node_modules', 'typescript', 'lib');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.d.ts') || name.endsWith('.json'))
    .map((name) => readFileSync(join(folder, name)).subarray(0, 4 * mib));
}

/** The lesser of two measurements, cost by cost. */
export function leastOf(before, after) {
  return Object.fromEntries(Object.entries(before).map(([name, cost]) => [name, Math.min(cost, after[name])]));
}

/** Seconds of one thread: for a byte, for a file. Makes its files below `work`. */
export async function measurePrimitives(work, dataFolder, say) {
  say('primitives: what reading, hashing, encrypting, sending and writing take here');
  const folder = join(work, 'primitives');
  mkdirSync(folder);
  const { path } = await makeRandom(dataFolder, sampleBytes, say);
  const files = readdirSync(path).map((name) => join(path, name));
  const noise = Buffer.concat(files.map((file) => readFileSync(file)));
  const whole = join(folder, 'noise');
  writeFileSync(whole, noise);
  try {
    return { ...(await perByte(noise, whole, folder, someText())), ...(await perFile(folder)) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
