// How often commands ask the daemon: over a long line every question costs a round trip. Counted in the daemon's own log.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Daemon, type Machine, machineOf, makeTempDir, removeTempDirs } from '../helpers/programs.js';

let daemon: Daemon;
let machine: Machine;
let tree: string;

beforeAll(async () => {
  daemon = await Daemon.start({ pow: 'floor', args: ['--log-level', 'debug'] });
  machine = await machineOf(daemon, 'far', 'register');
  tree = makeTempDir();
  for (let folder = 0; folder < 4; folder += 1) {
    mkdirSync(join(tree, `folder-${String(folder)}`));
    for (let file = 0; file < 50; file += 1) {
      writeFileSync(
        join(tree, `folder-${String(folder)}`, `file-${String(file)}`),
        `${String(folder)} ${String(file)}`,
      );
    }
  }
}, 60_000);

afterAll(async () => {
  await daemon.stop();
  removeTempDirs();
});

/** What the daemon was asked while the command ran, in the order of the answers. */
async function asked(args: readonly string[]): Promise<string[]> {
  const from = daemon.log.length;
  await machine.summary(args);
  const lines = daemon.log.slice(from).split('\n');
  return lines
    .filter((line) => line.includes('"msg":"request"'))
    .map((line) => JSON.parse(line) as { readonly method: string; readonly path: string })
    .map(({ method, path }) => `${method} ${path}`);
}

describe('questions to the daemon', () => {
  test('of a first push are one query, one upload of content, one of the manifest, and what pays for them', async () => {
    const requests = await asked(['push', tree, '--name', 'tree']);
    const certificateAndSnapshot = ['POST /v1/log', 'POST /v1/log'];
    const payment = ['POST /v1/challenges', 'POST /v1/grants'];
    expect([...requests].sort()).toEqual(
      [
        'GET /v1/log',
        ...[...payment, 'POST /v1/blobs/query'],
        ...[...payment, 'POST /v1/blobs', 'POST /v1/blobs'],
        ...certificateAndSnapshot,
      ].sort(),
    );
    // The grant of the query is earned while files are read, that of the upload no later than the query is answered.
    expect(requests.indexOf('POST /v1/challenges')).toBeLessThan(requests.indexOf('POST /v1/blobs/query'));
  });

  test('of a push of what has not changed are where the log ends, and the new entry', async () => {
    expect(await asked(['push', tree, '--name', 'tree'])).toEqual(['GET /v1/log', 'POST /v1/log']);
  });

  test('of a list are the log, and for entries the root', async () => {
    expect(await asked(['ls'])).toEqual(['GET /v1/log']);
    expect(await asked(['ls', 'tree'])).toEqual(['GET /v1/log', 'POST /v1/blobs/fetch']);
  });

  test('of a pull are the log, the root, and all small files at once', async () => {
    expect(await asked(['pull', 'tree', join(machine.home, 'out')])).toEqual([
      'GET /v1/log',
      'POST /v1/blobs/fetch',
      'POST /v1/blobs/fetch',
    ]);
  });
});
