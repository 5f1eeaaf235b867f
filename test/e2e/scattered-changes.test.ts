// A push in which little is new, spread over everything: what waits for its upload is small, and holds up all the memory
// that threads seal into. It must be sent before the memory is full.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSameContents } from '../helpers/hard-tree.js';
import { Daemon, machineOf, makeTempDir, removeTempDirs } from '../helpers/programs.js';

let daemon: Daemon;

beforeAll(async () => {
  daemon = await Daemon.start();
});

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

test('a small new file beside each large known one', { timeout: 120_000 }, async () => {
  const tree = makeTempDir();
  // More than all slabs together, on any number of threads.
  const folders = 160;
  for (let at = 0; at < folders; at += 1) {
    mkdirSync(join(tree, String(at)));
    writeFileSync(join(tree, String(at), 'known'), randomBytes(1024 * 1024));
  }
  const first = await machineOf(daemon, 'first', 'register');
  await first.summary(['push', tree, '--name', 'tree']);
  for (let at = 0; at < folders; at += 1) writeFileSync(join(tree, String(at), 'new'), randomBytes(500));
  const second = await machineOf(daemon, 'second', 'register');
  const pushed = await second.summary(['push', tree, '--name', 'tree']);
  // The small files and the manifest are new; nothing large is sent again.
  expect(pushed['claimedBlobs']).toBeGreaterThanOrEqual(folders);
  expect(pushed['newBlobs']).toBeGreaterThan(folders);
  expect(pushed['bytesSent']).toBeLessThan(1024 * 1024);
  const out = join(second.home, 'out');
  await second.summary(['pull', 'tree', out]);
  expectSameContents(tree, out);
});
