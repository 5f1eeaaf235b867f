// A disk that loses bits: whatever bit it is, nothing false is restored, the rest is, and pushing again heals it.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatBytes, formatCount } from '../../src/cli/text.js';
import { flipBit, readBlobs, type StoredBlob, withDatabase } from '../helpers/data-dir.js';
import { expectSameContents } from '../helpers/hard-tree.js';
import {
  Daemon,
  jsonLines,
  lastJson,
  type Machine,
  machineOf,
  makeTempDir,
  removeTempDirs,
} from '../helpers/programs.js';

let daemon: Daemon;
let machine: Machine;
let tree: string;
let round = 0;

/** Sizes differ so that a blob's length tells whose it is. */
const sizes = { 'small-1': 100, 'small-2': 5000, 'folder/small-3': 30_000, 'folder/small-4': 90_000 } as const;
const longBytes = 12_000_000;

beforeEach(async () => {
  daemon = await Daemon.start();
  round += 1;
  machine = await machineOf(daemon, `owner-${String(round)}`, 'register');
  tree = makeTempDir();
  mkdirSync(join(tree, 'folder'));
  for (const [name, size] of Object.entries(sizes)) writeFileSync(join(tree, name), randomBytes(size));
});

afterEach(() => daemon.stop());
afterAll(removeTempDirs);

/** Flips a bit while the daemon is down, as a disk does. */
async function damage(choose: (blobs: readonly StoredBlob[]) => StoredBlob | undefined): Promise<void> {
  await daemon.stop();
  const blob = choose(readBlobs(daemon.dataDir));
  if (blob === undefined) throw new Error('no such blob');
  flipBit(blob.packPath, blob.offset + Math.floor(blob.length / 2), 3);
  daemon = await Daemon.start({ dataDir: daemon.dataDir, port: daemon.port });
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** Every pulled file is the source's byte for byte; returns their names. */
function expectNothingFalse(out: string): string[] {
  const names = filesBelow(out);
  for (const name of names)
    expect(readFileSync(join(out, name)).equals(readFileSync(join(tree, name))), name).toBe(true);
  return names;
}

async function expectHealed(): Promise<void> {
  await machine.summary(['push', tree, '--name', 'tree', '--reread']);
  await machine.summary(['pull', 'tree', 'healed']);
  expectSameContents(tree, join(machine.home, 'healed'));
  // The first snapshot refers to the same blobs, so it is whole again too.
  await machine.summary(['pull', 'tree@1', 'healed-1']);
  expectSameContents(tree, join(machine.home, 'healed-1'));
}

async function expectLoss(lost: string): Promise<void> {
  const pulled = await machine.run(['pull', 'tree', 'out', '--json']);
  expect(pulled.exit, pulled.stdout).toBe(15);
  const lines = jsonLines(pulled);
  expect(lines.filter(({ type }) => type === 'problem')).toMatchObject([{ kind: 'damaged', path: lost }]);
  expect(lines.at(-1)).toMatchObject({ type: 'error', code: 'integrity', exit: 15 });
  const restored = expectNothingFalse(join(machine.home, 'out'));
  expect(restored).toEqual(filesBelow(tree).filter((name) => name !== lost));
  // Of the lost file nothing counts, whatever was written of it before.
  const bytes = restored.reduce((sum, name) => sum + statSync(join(tree, name)).size, 0);
  expect(pulled.stderr).toContain(`${formatCount(restored.length, 'file')}, ${formatBytes(bytes)};`);
}

describe('one flipped bit on the daemon', () => {
  test('in a small file costs that file alone until it is pushed again', async () => {
    await machine.summary(['push', tree, '--name', 'tree']);
    await damage((blobs) => blobs.find(({ length }) => length > 30_000 && length < 40_000));
    await expectLoss('folder/small-3');
    const shown = await machine.run(['cat', 'tree:folder/small-3']);
    expect(shown).toMatchObject({ exit: 15, stdout: '' });
    await expectHealed();
  });

  test('that somebody has run into keeps no new snapshot from being whole, even of an unchanged tree', async () => {
    execFileSync('mkfifo', [join(tree, 'fifo')]);
    await machine.summary(['push', tree, '--name', 'tree']);
    await damage((blobs) => blobs.find(({ length }) => length > 30_000 && length < 40_000));
    await machine.run(['cat', 'tree:folder/small-3']);
    // Without --reread: the daemon refuses the unchanged root, and the client reads everything again by itself.
    const again = await machine.run(['push', tree, '--name', 'tree', '--json']);
    expect(lastJson(again)).toMatchObject({ version: 2, filesRead: 4, newBlobs: 1 });
    // What both readings met is said once.
    expect(jsonLines(again).filter(({ type }) => type === 'problem')).toMatchObject([{ kind: 'skipped' }]);
    rmSync(join(tree, 'fifo'));
    await machine.summary(['pull', 'tree', 'healed']);
    expectSameContents(tree, join(machine.home, 'healed'));
  });

  test('in a chunk in the middle of a long file costs that file alone until it is pushed again', async () => {
    writeFileSync(join(tree, 'long'), randomBytes(longBytes));
    await machine.summary(['push', tree, '--name', 'tree']);
    await damage((blobs) => blobs.filter(({ length }) => length > 200_000)[3]);
    await expectLoss('long');
    await expectHealed();
  });

  test('in the manifest is exit 15 and names what is lost, until it is pushed again', async () => {
    await machine.summary(['push', tree, '--name', 'tree']);
    await damage((blobs) => blobs.find(({ isNode }) => isNode));
    const pulled = await machine.run(['pull', 'tree', 'out', '--json']);
    expect(pulled.exit).toBe(15);
    expect(filesBelow(join(machine.home, 'out'))).toEqual([]);
    expect((await machine.run(['ls', 'tree:'])).exit).toBe(15);
    await expectHealed();
  });

  test('in one leaf of a large manifest leaves the files of the other leaves', async () => {
    for (let at = 0; at < 6000; at += 1) writeFileSync(join(tree, `many-${String(at)}`), 'one content for all of them');
    await machine.summary(['push', tree, '--name', 'tree']);
    await damage((blobs) => blobs.filter(({ isNode }) => isNode)[1]);
    const pulled = await machine.run(['pull', 'tree', 'out', '--json']);
    expect(pulled.exit).toBe(15);
    const problems = jsonLines(pulled).filter(({ type }) => type === 'problem');
    expect(problems).toHaveLength(1);
    expect(problems[0]?.['message']).toMatch(/^about \d+ entries from here on are lost/);
    const restored = expectNothingFalse(join(machine.home, 'out'));
    expect(restored.length).toBeGreaterThan(1000);
    expect(restored.length).toBeLessThan(6004);
    await expectHealed();
  });

  test('is healed by a plain push too, once a pull has found it', async () => {
    await machine.summary(['push', tree, '--name', 'tree']);
    await damage((blobs) => blobs.find(({ length }) => length > 30_000 && length < 40_000));
    await expectLoss('folder/small-3');
    writeFileSync(join(tree, 'small-1'), 'changed, so that there is something to publish');
    await machine.summary(['push', tree, '--name', 'tree']);
    await machine.summary(['pull', 'tree', 'healed']);
    expectSameContents(tree, join(machine.home, 'healed'));
  });

  test('by another owner of the same content is healed for both', async () => {
    await machine.summary(['push', tree, '--name', 'tree']);
    const other = await machineOf(daemon, `other-${String(round)}`, 'register');
    await other.summary(['push', tree, '--name', 'same']);
    await damage((blobs) => blobs.find(({ length }) => length > 30_000 && length < 40_000));
    await expectLoss('folder/small-3');
    await other.summary(['push', tree, '--name', 'same', '--reread']);
    await machine.summary(['pull', 'tree', 'healed']);
    expectSameContents(tree, join(machine.home, 'healed'));
  });

  test('anywhere in any blob or record header restores true files or none', async () => {
    await machine.summary(['push', tree, '--name', 'tree']);
    const blobs = readBlobs(daemon.dataDir);
    expect(blobs.length).toBeGreaterThanOrEqual(5);
    const places = blobs.flatMap(({ packPath, offset, length }, at) =>
      [-36, -1, 3, Math.floor(length / 3) + at, length - 1].map((place) => [packPath, offset + place] as const),
    );
    places.push([blobs[0]?.packPath ?? '', 0], [blobs[0]?.packPath ?? '', 6]);
    const exits = new Map<number | null, number>();
    for (const [at, [path, offset]] of places.entries()) {
      flipBit(path, offset, at % 8);
      const pulled = await machine.run(['pull', 'tree', 'out']);
      const restored = expectNothingFalse(join(machine.home, 'out'));
      expect([0, 15], pulled.stderr).toContain(pulled.exit);
      expect(restored.length < filesBelow(tree).length).toBe(pulled.exit === 15);
      exits.set(pulled.exit, (exits.get(pulled.exit) ?? 0) + 1);
      flipBit(path, offset, at % 8);
      withDatabase(daemon.dataDir, (database) => database.exec('update blobs set damaged = 0'));
      rmSync(join(machine.home, 'out'), { recursive: true, force: true });
    }
    expect(exits.get(15) ?? 0).toBeGreaterThan(places.length / 2);
    await machine.summary(['pull', 'tree', 'whole']);
    expectSameContents(tree, join(machine.home, 'whole'));
  });
});
