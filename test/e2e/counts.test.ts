// What pushes and pulls cost in counts, which are the same on every machine: requests, bytes on the wire and on disk, blobs,
// files read, calls of the file system. A step that gets dearer by more than its slack fails here; times do not.
import { createCipheriv } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSameContents } from '../helpers/hard-tree.js';
import { Daemon, lastJson, Machine, makeTempDir, removeTempDirs } from '../helpers/programs.js';
import { type RecordingProxy, startRecordingProxy } from '../helpers/recording-proxy.js';

const calls = ['openSync', 'readSync', 'fstatSync', 'lstatSync', 'readdirSync', 'closeSync', 'writeSync', 'renameSync'];
const smallFiles = 1500;
const filesInFolder = 50;
const largeBytes = 24 * 1024 * 1024;

/** Loaded before the program: writes one byte for each call of the file system, in every thread, to a file named after it. */
const counter = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

const { writeSync, openSync } = fs;
for (const name of process.env.COUNTED_FILE_CALLS.split(',')) {
  const call = fs[name];
  const counts = openSync(join(process.env.COUNTS_FOLDER, name), 'a');
  fs[name] = (...args) => {
    writeSync(counts, '.');
    return call(...args);
  };
}
syncBuiltinESMExports();
`;

let preload: string;
let daemon: Daemon;
let proxy: RecordingProxy;
let machine: Machine;
let tree: string;

/** The same noise in every run. */
function noise(seed: number, lengthBytes: number): Buffer {
  const stream = createCipheriv('aes-256-ctr', Buffer.alloc(32, seed), Buffer.alloc(16));
  return stream.update(Buffer.alloc(lengthBytes));
}

/** Text that compresses about as well as source does. */
function text(seed: number): Buffer {
  const words = noise(seed, 16).toString('hex');
  const lines = Array.from(
    { length: 4 + (seed % 60) },
    (_, at) => `const ${words.slice(0, 6)}${String(at)} = ${words};`,
  );
  return Buffer.from(lines.join('\n'));
}

const smallPath = (at: number) => join(tree, 'small', String(Math.floor(at / filesInFolder)), `file-${String(at)}.js`);

beforeAll(async () => {
  daemon = await Daemon.start({ args: ['--log-level', 'debug'] });
  proxy = await startRecordingProxy(daemon.port);
  preload = join(makeTempDir(), 'counter.mjs');
  writeFileSync(preload, counter);
  tree = makeTempDir();
  for (let at = 0; at < smallFiles; at += 1) {
    mkdirSync(join(smallPath(at), '..'), { recursive: true });
    writeFileSync(smallPath(at), text(at));
  }
  writeFileSync(join(tree, 'large'), noise(1, largeBytes));
  machine = await register('first');
});

afterAll(async () => {
  await proxy.close();
  await daemon.stop();
  removeTempDirs();
});

async function register(name: string): Promise<Machine> {
  const made = new Machine({ JAYCLOUD_SERVER: proxy.url, JAYCLOUD_PASSWORD: `pass of ${name}` });
  await made.summary(['register', name]);
  return made;
}

function requestsIn(log: string): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const line of log.split('\n')) {
    if (!line.includes('"msg":"request"')) continue;
    const { method, path } = JSON.parse(line) as { method: string; path: string };
    counted[`${method} ${path}`] = (counted[`${method} ${path}`] ?? 0) + 1;
  }
  return counted;
}

const wireBytes = () => proxy.recorded().reduce((sum, { length }) => sum + length, 0);

interface Packs {
  readonly packs: number;
  readonly bytes: number;
}

function packsOf({ dataDir }: Daemon): Packs {
  const folder = join(dataDir, 'packs');
  if (!existsSync(folder)) return { packs: 0, bytes: 0 };
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sizes = files.map(({ parentPath, name }) => statSync(join(parentPath, name)).size);
  return { packs: files.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

interface Step {
  readonly summary: Record<string, unknown>;
  readonly requests: Record<string, number>;
  readonly wire: number;
  readonly stored: Packs;
  readonly files: Record<string, number>;
}

/** Runs one command and counts what it did. */
async function count(user: Machine, args: readonly string[]): Promise<Step> {
  const folder = makeTempDir();
  const [logBefore, wireBefore, storedBefore] = [daemon.log.length, wireBytes(), packsOf(daemon)];
  const outcome = await user.run([...args, '--json', '--quiet'], {
    env: { NODE_OPTIONS: `--import ${preload}`, COUNTED_FILE_CALLS: calls.join(','), COUNTS_FOLDER: folder },
  });
  expect(outcome.exit, outcome.stderr).toBe(0);
  const stored = packsOf(daemon);
  return {
    summary: lastJson(outcome),
    requests: requestsIn(daemon.log.slice(logBefore)),
    wire: wireBytes() - wireBefore,
    stored: { packs: stored.packs - storedBefore.packs, bytes: stored.bytes - storedBefore.bytes },
    files: Object.fromEntries(calls.map((name) => [name, sizeOf(join(folder, name))])),
  };
}

const sizeOf = (path: string) => (existsSync(path) ? statSync(path).size : 0);

const bulk = 'POST /v1/blobs';
const query = 'POST /v1/blobs/query';
const claim = 'POST /v1/blobs/claim';
const fetch = 'POST /v1/blobs/fetch';

/** What every push of ours does beside its blobs: reads the log, appends to it. */
const logOnly = { 'GET /v1/log': 1, 'POST /v1/log': 1 };
/** With a session of its own first, and one grant each to ask and to send. */
const purchases = { 'POST /v1/challenges': 2, 'POST /v1/grants': 2 };

/** Every path that is asked, each at most so often. */
function expectRequests({ requests }: Step, most: Record<string, number>): void {
  expect(Object.keys(requests).sort()).toEqual(Object.keys(most).sort());
  for (const [path, times] of Object.entries(most)) expect(requests[path], path).toBeLessThanOrEqual(times);
}

/** Calls of each kind: those for a number of files, folders or chunks, and a few for the program's own files. */
function expectCalls({ files }: Step, wanted: Record<string, number>): void {
  const own = 12;
  for (const name of calls) {
    expect(files[name], name).toBeGreaterThanOrEqual(wanted[name] ?? 0);
    expect(files[name], name).toBeLessThanOrEqual((wanted[name] ?? 0) + own);
  }
}

const folders = Math.ceil(smallFiles / filesInFolder) + 2;
const walked = (files: number) => ({ lstatSync: files + folders, readdirSync: folders });

test('a push reads every file once, and sends and stores little more than its content', {
  timeout: 60_000,
}, async () => {
  const step = await count(machine, ['push', tree, '--name', 'tree']);
  const files = smallFiles + 1;
  expect(step.summary).toMatchObject({ filesRead: files, claimedBlobs: 0, ownedBlobs: 0 });
  expect(step.summary['blobs']).toBe(step.summary['newBlobs']);
  // One for each small file, about one for each MiB, five for the manifest.
  expect(step.summary['blobs']).toBeLessThanOrEqual(smallFiles + 28);
  expectRequests(step, { ...logOnly, 'POST /v1/log': 2, ...purchases, [query]: 8, [bulk]: 5 });
  // Open, read, one look and close for a small file; a large one is read in pieces of some MiB.
  const each = { openSync: files, readSync: files, fstatSync: files, closeSync: files };
  // The cache for the next push is written leaf by leaf.
  expectCalls(step, { ...walked(files), ...each, writeSync: 4 });
  expect(step.wire).toBeLessThan(27_450_000);
  expect(step.stored.bytes).toBeLessThan(27_320_000);
  expect(step.stored.packs).toBe(step.requests[bulk]);
});

test('an unchanged push opens no file and makes two requests', { timeout: 60_000 }, async () => {
  const step = await count(machine, ['push', tree, '--name', 'tree']);
  expect(step.summary).toMatchObject({ filesRead: 0, newBlobs: 0, bytesSent: 0 });
  expectRequests(step, logOnly);
  expectCalls(step, walked(smallFiles + 1));
  expect(step.wire).toBeLessThan(5500);
  expect(step.stored).toEqual({ packs: 0, bytes: 0 });
});

test('the next version reads and sends what has changed, and the leaves of the manifest that list it', {
  timeout: 60_000,
}, async () => {
  for (let at = 0; at < smallFiles; at += 150) writeFileSync(smallPath(at), text(at + smallFiles));
  for (let at = 1; at < smallFiles; at += 300) rmSync(smallPath(at));
  const step = await count(machine, ['push', tree, '--name', 'tree']);
  expect(step.summary).toMatchObject({ filesRead: 10, files: smallFiles - 4 });
  expect(step.summary['newBlobs']).toBeLessThanOrEqual(15);
  // One query about the very first blob, then one about what is new, in content and in nodes.
  expectRequests(step, { ...logOnly, ...purchases, [query]: 3, [bulk]: 2 });
  expectCalls(step, { ...walked(smallFiles - 4), openSync: 10, readSync: 10, fstatSync: 10, closeSync: 10 });
  expect(step.wire).toBeLessThan(145_000);
  expect(step.stored.bytes).toBeLessThan(132_000);
});

test('a pull fetches everything once, in requests of some MiB, and writes each file once', {
  timeout: 60_000,
}, async () => {
  const out = join(machine.home, 'out');
  const step = await count(machine, ['pull', 'tree', out]);
  expectSameContents(tree, out);
  expectRequests(step, { 'GET /v1/log': 1, [fetch]: 10 });
  expect(step.wire).toBeLessThan(27_450_000);
  // Opening and renaming go through the system's own calls where those can be loaded.
  expect(step.files['writeSync']).toBeLessThanOrEqual(smallFiles + 30);
  expect(step.files['readSync']).toBeLessThanOrEqual(12);
  expect(step.files['lstatSync']).toBeLessThanOrEqual(2);
});

test('ls reads the log with one request', { timeout: 60_000 }, async () => {
  const step = await count(machine, ['ls']);
  expectRequests(step, { 'GET /v1/log': 1 });
  expect(step.wire).toBeLessThan(2800);
});

test('a stranger who pushes the same sends the manifest, and proofs of the rest', { timeout: 60_000 }, async () => {
  const step = await count(await register('second'), ['push', tree, '--name', 'tree']);
  expect(step.summary['newBlobs']).toBe(5);
  expectRequests(step, { ...logOnly, 'POST /v1/log': 2, ...purchases, [query]: 8, [claim]: 6, [bulk]: 1 });
  expect(step.wire).toBeLessThan(310_000);
  expect(step.stored.bytes).toBeLessThan(125_000);
});
