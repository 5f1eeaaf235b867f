// What a push and a pull say while they run. The daemon's answers are held up until it was said, so that nothing depends on
// how fast the machine is.
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EndpointName } from '../../src/protocol/endpoints.js';
import { expectSameContents } from '../helpers/hard-tree.js';
import { LyingProxy } from '../helpers/lying-proxy.js';
import { Daemon, jsonLines, Machine, makeTempDir, removeTempDirs } from '../helpers/programs.js';

interface Progress {
  readonly files: number;
  readonly bytes: number;
}

/** More than a push or a pull has in memory. */
const longBytes = 100_000_000;
const smallFiles = 50;
const smallBytes = 1000;
let daemon: Daemon;
let proxy: LyingProxy;
let machine: Machine;
let tree: string;

beforeAll(async () => {
  daemon = await Daemon.start();
  proxy = await LyingProxy.start(daemon.url);
  machine = new Machine({ JAYCLOUD_SERVER: proxy.url, JAYCLOUD_PASSWORD: 'pass of ann' });
  await machine.summary(['register', 'ann']);
  tree = makeTempDir();
  writeFileSync(join(tree, 'a-long-one'), randomBytes(longBytes));
  mkdirSync(join(tree, 'small'));
  for (let at = 0; at < smallFiles; at += 1)
    writeFileSync(join(tree, 'small', `file-${String(at)}`), randomBytes(smallBytes));
}, 60_000);

afterAll(async () => {
  await proxy.close();
  await daemon.stop();
  removeTempDirs();
});

/** Runs a command whose answers are held up from the given one on, until a progress line is as wanted. */
async function runHeld(
  args: readonly string[],
  hold: { readonly answersTo: EndpointName; readonly from: number },
  isWanted: (progress: Progress) => boolean,
): Promise<{ seen: Progress[]; summary: Progress }> {
  let release = (): void => undefined;
  const wanted = new Promise<void>((resolve) => {
    release = resolve;
  });
  let answers = 0;
  proxy.lie(hold.answersTo, async (answer) => {
    answers += 1;
    if (answers >= hold.from) await wanted;
    return answer;
  });
  const watch = ({ stdout }: ChildProcess): void => {
    let text = '';
    stdout?.on('data', (piece: string) => {
      text += piece;
      for (const line of text.split('\n').slice(0, -1)) {
        const said = JSON.parse(line) as Progress & { type: string };
        if (said.type === 'progress' && isWanted(said)) release();
      }
    });
  };
  const outcome = await machine.run([...args, '--json'], { onStart: watch });
  proxy.beHonest();
  expect(outcome).toMatchObject({ exit: 0, stderr: '' });
  const lines = jsonLines(outcome) as unknown as (Progress & { type: string })[];
  const summary = lines.at(-1);
  if (summary === undefined) throw new Error('no summary');
  return { seen: lines.filter(({ type }) => type === 'progress'), summary };
}

const isInsideLongFile = ({ files, bytes }: Progress) => files === 0 && bytes > 4_000_000 && bytes < longBytes;

test('a long file counts while it is under way, in a push and in a pull', async () => {
  const long = join(tree, 'a-long-one');
  const pushed = await runHeld(['push', long, '--name', 'long'], { answersTo: 'putBlobs', from: 1 }, isInsideLongFile);
  expect(pushed.seen.some(isInsideLongFile)).toBe(true);
  expect(pushed.summary).toMatchObject({ files: 1, bytes: longBytes });
  const out = join(machine.home, 'long-out');
  const pulled = await runHeld(['pull', 'long', out], { answersTo: 'fetchBlobs', from: 5 }, isInsideLongFile);
  expect(pulled.seen.some(isInsideLongFile)).toBe(true);
  expect(pulled.summary).toMatchObject({ files: 1, bytes: longBytes });
}, 60_000);

test('files that are done count although the manifest has them behind one that is under way', async () => {
  const isBehind = ({ files, bytes }: Progress) => files === smallFiles && bytes > 4_000_000 && bytes < longBytes;
  const pushed = await runHeld(
    ['push', tree, '--name', 'tree', '--dedup', 'vault'],
    { answersTo: 'putBlobs', from: 1 },
    isBehind,
  );
  expect(pushed.summary).toMatchObject({ files: smallFiles + 1, bytes: longBytes + smallFiles * smallBytes });
  // What is known counts, too: nothing is read the second time.
  const again = await machine.summary(['push', tree, '--name', 'tree', '--dedup', 'vault']);
  expect(again).toMatchObject({ files: smallFiles + 1, bytes: longBytes + smallFiles * smallBytes, filesRead: 0 });
  const out = join(machine.home, 'tree-out');
  await machine.summary(['pull', 'tree', out]);
  expectSameContents(tree, out);
}, 60_000);
