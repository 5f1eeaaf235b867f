// The daemon dies in the middle of a push: what it acknowledged is there afterwards, and the push goes on.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/protocol/blob-id.js';
import { encodeBlobRecord } from '../../src/protocol/blob-stream.js';
import { equalBytes } from '../../src/protocol/bytes.js';
import { leafBlob, type TestBlob } from '../helpers/blobs.js';
import { apiOf, freeGrant } from '../helpers/daemon-api.js';
import { withDatabase } from '../helpers/data-dir.js';
import { expectSameContents } from '../helpers/hard-tree.js';
import { Daemon, type Machine, machineOf, makeTempDir, type Outcome, removeTempDirs } from '../helpers/programs.js';

let daemon: Daemon;
let machine: Machine;

beforeEach(async () => {
  daemon = await Daemon.start();
  machine = await machineOf(daemon, 'survivor', 'register');
});

afterEach(() => daemon.stop());
afterAll(removeTempDirs);

function makeTree(): string {
  const tree = makeTempDir();
  for (let at = 0; at < 10; at += 1) writeFileSync(join(tree, `file-${String(at)}`), randomBytes(10_000_000));
  return tree;
}

function packs(): string[] {
  const folder = join(daemon.dataDir, 'packs');
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** What is on record, and so on disk: a pack's file alone may have been caught before its upload was recorded. */
function recordedBytes(): number {
  return withDatabase(
    daemon.dataDir,
    (database) => database.prepare('select coalesce(sum(size_bytes), 0) from packs').pluck().get() as number,
  );
}

/** Polls closely: the moment is the point. Gives up when `over` says that it cannot come any more. */
async function until(isTrue: () => boolean, over: () => boolean = () => false): Promise<boolean> {
  while (!isTrue()) {
    if (over()) return false;
    await sleep(1);
  }
  return true;
}

async function restart(): Promise<void> {
  daemon = await Daemon.start({ dataDir: daemon.dataDir, port: daemon.port });
}

function expectSoundDataDir(): void {
  const check = withDatabase(daemon.dataDir, (database) => [
    database.pragma('integrity_check', { simple: true }),
    database.pragma('foreign_key_check'),
  ]);
  expect(check).toEqual(['ok', []]);
  // Nothing half written ever stands where readers look.
  for (const name of packs()) expect(name).toMatch(/^[0-9a-f]{32}\.pack$/);
}

describe('kill -9 of the daemon', () => {
  test('several times in one push: the same push goes on each time and ends well', async () => {
    const tree = makeTree();
    const state: { outcome?: Outcome } = {};
    const pushing = machine.run(['push', tree, '--name', 'killed', '--json']).then((outcome) => {
      state.outcome = outcome;
      return outcome;
    });
    let kills = 0;
    for (const count of [1, 3, 5]) {
      if (
        !(await until(
          () => packs().length >= count,
          () => state.outcome !== undefined,
        ))
      )
        break;
      expect(await daemon.stop('SIGKILL')).toBeNull();
      kills += 1;
      expectSoundDataDir();
      await restart();
    }
    expect(kills).toBe(3);
    const pushed = await pushing;
    expect(pushed.exit, pushed.stdout + pushed.stderr).toBe(0);
    await machine.summary(['pull', 'killed', 'out']);
    expectSameContents(tree, join(machine.home, 'out'));
    expectSoundDataDir();
  });

  test('with the client dead too: pushing again sends only the rest', async () => {
    const tree = makeTree();
    const pushing = machine.run(['push', tree, '--name', 'resumed'], {
      onStart: (child) => {
        void until(() => recordedBytes() >= 20_000_000).then(async () => {
          child.kill('SIGKILL');
          await daemon.stop('SIGKILL');
        });
      },
    });
    expect((await pushing).exit).toBeNull();
    await daemon.stop('SIGKILL');
    await restart();
    expect((await machine.run(['log', 'resumed'])).exit).toBe(10);
    const pushed = await machine.summary(['push', tree, '--name', 'resumed']);
    // At least 20 MB were on record, and padding adds less than two.
    expect(Number(pushed['bytesSent'])).toBeLessThan(Number(pushed['bytes']) - 16_000_000);
    expect(Number(pushed['ownedBlobs'])).toBeGreaterThan(0);
    await machine.summary(['pull', 'resumed', 'out']);
    expectSameContents(tree, join(machine.home, 'out'));
    expectSoundDataDir();
  });

  test('loses no blob that was acknowledged before', async () => {
    const acknowledged: TestBlob[] = [];
    for (const killAfterMs of [0, 3, 10, 30, 60]) {
      const api = await apiOf(machine);
      const before = acknowledged.length;
      let isKilled = false;
      const isOver = () => isKilled;
      const sender = async () => {
        const grant = await freeGrant(api, 'upload');
        while (!isOver()) {
          const batch = [leafBlob(1024), leafBlob(100_000), leafBlob(400_000)];
          // A retry might still be answered by the next daemon: then it is acknowledged as well.
          await api.putBlobs(grant, batch.map(encodeBlobRecord));
          acknowledged.push(...batch);
        }
      };
      const senders = [sender(), sender(), sender()];
      await until(() => acknowledged.length > before);
      await sleep(killAfterMs);
      isKilled = true;
      await daemon.stop('SIGKILL');
      expectSoundDataDir();
      const sure = [...acknowledged];
      await restart();
      const fetched = await api.fetchBlobs(sure.map(({ id }) => id));
      const lost = sure.filter(({ blob }, at) => !equalBytes(fetched[at] ?? new Uint8Array(), blob));
      expect(lost).toEqual([]);
      await Promise.all(senders);
      await api.close();
    }
    expect(acknowledged.length).toBeGreaterThan(30);
    for (const { id, blob } of acknowledged) expect(equalBytes(sha256(blob), id)).toBe(true);
  });
});

describe('SIGTERM', () => {
  test('lets uploads under way end, and what they acknowledged is there', async () => {
    const api = await apiOf(machine);
    const grant = await freeGrant(api, 'upload');
    const batches = [1, 2, 3].map(() => Array.from({ length: 8 }, () => leafBlob(1_500_000)));
    // All three are under way, with their bodies arriving, when the signal comes.
    const uploads = batches.map((batch) => api.putBlobs(grant, batch.map(encodeBlobRecord)));
    const temporary = join(daemon.dataDir, 'tmp');
    await until(() => existsSync(temporary) && readdirSync(temporary).length >= 3);
    const exit = daemon.stop('SIGTERM');
    for (const { states } of await Promise.all(uploads)) expect(states).toBe('s'.repeat(8));
    expect(await exit).toBe(0);
    expect(daemon.log).toContain('stopped');
    expect(readdirSync(temporary)).toEqual([]);
    await restart();
    const ids = batches.flat().map(({ id }) => id);
    const fetched = await api.fetchBlobs(ids);
    batches.flat().forEach(({ blob }, at) => {
      expect(equalBytes(fetched[at] ?? new Uint8Array(), blob)).toBe(true);
    });
    await api.close();
    expectSoundDataDir();
  });

  test('in the middle of a push ends with exit 0, and the push goes on with the next daemon', async () => {
    const tree = makeTree();
    const pushing = machine.run(['push', tree, '--name', 'drained', '--json']);
    await until(() => packs().length >= 2);
    expect(await daemon.stop('SIGTERM')).toBe(0);
    await restart();
    const pushed = await pushing;
    expect(pushed.exit, pushed.stdout + pushed.stderr).toBe(0);
    await machine.summary(['pull', 'drained', 'out']);
    expectSameContents(tree, join(machine.home, 'out'));
  });
});
